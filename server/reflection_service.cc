#include "server/reflection_service.h"

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/reflection_answerer.h"

namespace ramet::server {
namespace {

constexpr char kMethodV1[] =
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
constexpr char kMethodV1Alpha[] =
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

// One stream: a question is read, answered, and the answer written before the
// next one is read. Keeps itself until gRPC is done with it.
template <typename Request, typename Response>
class Stream final
    : public grpc::ServerBidiReactor<Request, Response>,
      public OpenStream,
      public std::enable_shared_from_this<Stream<Request, Response>> {
 public:
  static Stream* Start(DescriptorWorlds* worlds, OpenStreams* streams,
                       const absl::Status& admitted) {
    std::shared_ptr<Stream> stream(new Stream(worlds, streams));
    stream->self_ = stream;
    if (!admitted.ok()) {
      stream->End(ToGrpc(admitted));
      return stream.get();
    }
    const grpc::Status added =
        streams->Add(stream, OpenStreams::Order::kEndsFirst);
    if (!added.ok()) {
      stream->End(added);
    } else {
      Stream* const raw = stream.get();
      raw->StartUnlessEnded([raw] { raw->StartRead(&raw->request_); });
    }
    return stream.get();
  }

  void OnWake() override {}

  void End(const grpc::Status& status) override {
    {
      absl::MutexLock lock(&mutex_);
      if (std::exchange(ended_, true)) return;
      end_ = status;
      if (starting_ > 0) return;
    }
    this->Finish(status);
  }

 private:
  Stream(DescriptorWorlds* worlds, OpenStreams* streams)
      : answerer_(worlds), streams_(streams) {}

  void OnReadDone(bool ok) override {
    if (!ok) return End(grpc::Status::OK);
    answerer_.Answer(request_, &response_);
    StartUnlessEnded([this] { this->StartWrite(&response_); });
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return End(grpc::Status::CANCELLED);
    StartUnlessEnded([this] { this->StartRead(&request_); });
  }
  // Nothing may be started after Finish, which another thread may want to call
  // meanwhile; then that is done here.
  template <typename Start>
  void StartUnlessEnded(const Start& start) {
    const std::shared_ptr<Stream> self = this->shared_from_this();
    {
      absl::MutexLock lock(&mutex_);
      if (ended_) return;
      ++starting_;
    }
    start();
    {
      absl::MutexLock lock(&mutex_);
      if (--starting_ > 0 || !ended_) return;
    }
    this->Finish(end_);
  }
  void OnCancel() override { End(grpc::Status::CANCELLED); }
  void OnDone() override {
    streams_->Remove(this);
    const std::shared_ptr<Stream> self = std::move(self_);
  }

  ReflectionAnswerer<Request, Response> answerer_;
  OpenStreams* const streams_;
  std::shared_ptr<Stream> self_;
  Request request_;
  Response response_;
  absl::Mutex mutex_;
  int starting_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status end_;  // once `ended_`
};

}  // namespace

grpc::ServerBidiReactor<grpc::reflection::v1::ServerReflectionRequest,
                        grpc::reflection::v1::ServerReflectionResponse>*
ReflectionService::ServerReflectionInfo(grpc::CallbackServerContext* context) {
  return Stream<grpc::reflection::v1::ServerReflectionRequest,
                grpc::reflection::v1::ServerReflectionResponse>::
      Start(worlds_, streams_,
            gatekeeper_->Admit(*context, kMethodV1).status());
}

grpc::ServerBidiReactor<grpc::reflection::v1alpha::ServerReflectionRequest,
                        grpc::reflection::v1alpha::ServerReflectionResponse>*
ReflectionServiceV1Alpha::ServerReflectionInfo(
    grpc::CallbackServerContext* context) {
  return Stream<grpc::reflection::v1alpha::ServerReflectionRequest,
                grpc::reflection::v1alpha::ServerReflectionResponse>::
      Start(worlds_, streams_,
            gatekeeper_->Admit(*context, kMethodV1Alpha).status());
}

}  // namespace ramet::server
