#include "tests/probe/open_service.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace ramet::probe {
namespace {

// Counts a call while its method runs.
class Running {
 public:
  explicit Running(const stub::CallContext& context) : context_(context) {
    ++Open::running();
  }
  ~Running() {
    if (context_.is_cancelled()) ++Open::cancelled();
    --Open::running();
  }

 private:
  const stub::CallContext& context_;
};

void FillIn(const stub::CallContext& context, ::probe::v1::WhoReply* reply) {
  reply->set_caller_id(context.caller().id);
  reply->set_authority(context.caller().authority);
  reply->set_pid(getpid());
  const std::string* const trace = context.FindMetadata("traceparent");
  if (trace != nullptr) reply->set_traceparent(*trace);
  if (context.deadline() != absl::InfiniteFuture()) {
    reply->set_timeout_ms(std::max<int64_t>(
        absl::ToInt64Milliseconds(context.deadline() - absl::Now()), 1));
  }
}

}  // namespace

std::atomic<int64_t>& Open::running() {
  static std::atomic<int64_t> count{0};
  return count;
}

std::atomic<int64_t>& Open::cancelled() {
  static std::atomic<int64_t> count{0};
  return count;
}

absl::Status Open::Echo(const stub::CallContext& context,
                        const ::probe::v1::EchoRequest& request,
                        ::probe::v1::EchoReply* reply) {
  const Running running(context);
  if (request.wait_ms() > 0 &&
      context.WaitUntilCancelled(absl::Milliseconds(request.wait_ms()))) {
    return absl::CancelledError("the wait was cancelled");
  }
  if (request.error_code() > 0) {
    return absl::Status(static_cast<absl::StatusCode>(request.error_code()),
                        std::string(request.error_bytes(), 'e'));
  }
  reply->set_payload(request.payload());
  const auto bytes = static_cast<size_t>(request.reply_bytes());
  if (bytes > reply->payload().size()) {
    reply->mutable_payload()->resize(bytes, 'r');
  }
  return absl::OkStatus();
}

absl::Status Open::EchoStream(
    const stub::CallContext& context,
    stub::ServerReaderWriter<::probe::v1::EchoRequest, ::probe::v1::EchoReply>*
        stream) {
  ::probe::v1::EchoRequest request;
  while (stream->Read(&request)) {
    ::probe::v1::EchoReply reply;
    absl::Status status = Echo(context, request, &reply);
    if (!status.ok()) return status;
    if (!stream->Write(reply)) break;
  }
  return absl::OkStatus();
}

absl::Status Open::Count(const stub::CallContext& context,
                         const ::probe::v1::CountRequest& request,
                         stub::ServerWriter<::probe::v1::CountReply>* out) {
  const Running running(context);
  ::probe::v1::CountReply reply;
  reply.set_payload(std::string(request.reply_bytes(), 'r'));
  for (int64_t i = 0; request.count() < 0 || i < request.count(); ++i) {
    reply.set_index(i);
    if (!out->Write(reply)) return absl::CancelledError("nobody listens");
  }
  return absl::OkStatus();
}

absl::Status Open::Sum(const stub::CallContext& context,
                       stub::ServerReader<::probe::v1::SumRequest>* in,
                       ::probe::v1::SumReply* reply) {
  const Running running(context);
  ::probe::v1::SumRequest request;
  while (in->Read(&request)) {
    reply->set_sum(reply->sum() + request.number());
    reply->set_count(reply->count() + 1);
    reply->set_payload_bytes(reply->payload_bytes() + request.payload().size());
  }
  return absl::OkStatus();
}

absl::Status Open::Who(const stub::CallContext& context,
                       const google::protobuf::Empty&,
                       ::probe::v1::WhoReply* reply) {
  FillIn(context, reply);
  return absl::OkStatus();
}

absl::Status Open::Own(const stub::CallContext& context,
                       const google::protobuf::Empty&,
                       ::probe::v1::WhoReply* reply) {
  FillIn(context, reply);
  return absl::OkStatus();
}

absl::Status Open::Above(const stub::CallContext& context,
                         const google::protobuf::Empty&,
                         ::probe::v1::WhoReply* reply) {
  FillIn(context, reply);
  return absl::OkStatus();
}

}  // namespace ramet::probe
