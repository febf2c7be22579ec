#ifndef SERVER_SERVER_STREAM_H_
#define SERVER_SERVER_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/open_streams.h"

namespace ramet::server {

// Where a server-streaming call takes its messages from. It is asked by one
// thread at a time, after each written message and each Wake.
template <typename Reply>
class StreamSource {
 public:
  enum class Next {
    kMessage,  // `reply` is the next one
    kNothing,  // until somebody wakes the stream
    kEnd,      // `status` ends the call
  };
  virtual ~StreamSource() = default;
  virtual Next TakeNext(Reply* reply, grpc::Status* status) = 0;
};

// A server-streaming call that writes what its source has, one message at a
// time: what the reader does not take stays with the source, which bounds it.
//
// Ownership: keeps itself until gRPC is done with it. Threads: any.
template <typename Reply>
class ServerStream final
    : public grpc::ServerWriteReactor<Reply>,
      public OpenStream,
      public std::enable_shared_from_this<ServerStream<Reply>> {
 public:
  using Source = StreamSource<Reply>;

  // The client gets its initial metadata, so that it knows that the call has
  // begun, and whatever happens from now on is in the stream. Nobody may be
  // woken for it before this returns.
  static std::shared_ptr<ServerStream> Create(std::shared_ptr<Source> source,
                                              OpenStreams* streams,
                                              OpenStreams::Order order) {
    std::shared_ptr<ServerStream> stream(
        new ServerStream(std::move(source), streams));
    stream->self_ = stream;
    const grpc::Status added = streams->Add(stream, order);
    if (!added.ok()) {
      stream->End(added);
    } else {
      stream->StartSendInitialMetadata();
    }
    return stream;
  }

  // The same for gRPC: fails with `status`.
  static ServerStream* Failed(OpenStreams* streams,
                              const grpc::Status& status) {
    std::shared_ptr<ServerStream> stream(new ServerStream(nullptr, streams));
    stream->self_ = stream;
    stream->End(status);
    return stream.get();
  }

  void OnWake() override { Pump(); }

  // What the source has at this moment is still written, up to one message:
  // the reason for the end may be in it.
  void End(const grpc::Status& status) override {
    {
      absl::MutexLock lock(&mutex_);
      if (ending_) return;
      ending_ = true;
      end_ = status;
      last_word_ = source_ != nullptr;
    }
    Pump();
  }

 private:
  ServerStream(std::shared_ptr<Source> source, OpenStreams* streams)
      : source_(std::move(source)), streams_(streams) {}

  // Whoever finds it idle writes, or finishes; the others leave a note.
  void Pump() {
    {
      absl::MutexLock lock(&mutex_);
      again_ = true;
      if (busy_) return;
      busy_ = true;
    }
    Continue();
  }

  void Continue() {
    const std::shared_ptr<ServerStream> self = this->shared_from_this();
    for (;;) {
      {
        absl::MutexLock lock(&mutex_);
        if (!ending_ && !again_) {
          busy_ = false;
          return;
        }
        again_ = false;
        if (ending_ && !std::exchange(last_word_, false)) break;
      }
      grpc::Status status;
      const auto next = source_->TakeNext(&reply_, &status);
      if (next == Source::Next::kNothing) continue;  // or, if it ends, breaks
      absl::ReleasableMutexLock lock(&mutex_);
      if (next == Source::Next::kMessage) {
        again_ = true;
        lock.Release();
        this->StartWrite(&reply_);
        return;
      }
      if (!ending_) end_ = status;
      ending_ = true;
      break;
    }
    // Busy for ever: nothing else happens to it but OnDone.
    grpc::Status status;
    {
      absl::MutexLock lock(&mutex_);
      status = end_;
    }
    this->Finish(status);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) EndAsCancelled();
    Continue();
  }

  void OnCancel() override {
    EndAsCancelled();
    Pump();
  }

  void EndAsCancelled() {
    absl::MutexLock lock(&mutex_);
    if (!ending_) end_ = grpc::Status::CANCELLED;
    ending_ = true;
    last_word_ = false;
  }

  void OnDone() override {
    streams_->Remove(this);
    const std::shared_ptr<ServerStream> self = std::move(self_);
  }

  const std::shared_ptr<Source> source_;
  OpenStreams* const streams_;
  std::shared_ptr<ServerStream> self_;  // until OnDone
  Reply reply_;                         // of who is busy
  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool again_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool last_word_ ABSL_GUARDED_BY(mutex_) = false;  // while ending: one more
  grpc::Status end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ramet::server

#endif  // SERVER_SERVER_STREAM_H_
