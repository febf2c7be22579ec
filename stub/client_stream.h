#ifndef STUB_CLIENT_STREAM_H_
#define STUB_CLIENT_STREAM_H_

#include <stddef.h>
#include <stdint.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "stub/call_options.h"
#include "stub/context.h"
#include "stub/raw_call.h"

namespace ramet::stub {

// A call of any kind at its caller's side, as bytes, for threads that block:
// the untyped half of ClientReader and the like.
//
// Threads: any but the channel's own, which would wait for itself.
class ClientStream final : public RawCallListener {
 public:
  // Starts a call. Errors at the start are its end. `method` is a literal.
  static std::shared_ptr<ClientStream> Start(const Context& context,
                                             const char* method,
                                             const CallOptions& options);

  // A call that is over and never began.
  static std::shared_ptr<ClientStream> Failed(const char* method,
                                              absl::Status status);

  // Blocks for the next message. False: there are no more; Finish() says why.
  bool Read(std::string* message);
  // Runs `watcher` once Read() would not block: now, or on the channel's
  // thread, where it must not block.
  void WhenReadable(std::function<void()> watcher);
  // Read() is false from now on.
  bool drained() const;
  // Blocks while the callee has no room. False: the call is over, or its
  // sending side is closed. True does not mean that the callee has read it.
  bool Write(std::string message);
  void CloseSend();
  // The one message of a call just started: never blocks.
  void SendLast(std::string message);

  // Blocks until the callee has sent something, or the call is over.
  const MetadataPairs& InitialMetadata();

  // Closes the sending side, drops messages that were not read, and blocks
  // until the call is over: its status.
  absl::Status Finish();
  // After Finish().
  const MetadataPairs& trailing_metadata() const {
    return end_.trailing_metadata;
  }

  // Ends the call: `status` becomes its status, unless it is over. Wakes
  // everybody.
  void Cancel(absl::Status status);
  // The same for a message that can't be read, which counts also when the
  // callee has sent OK behind it.
  void Fail(absl::Status status);
  bool over() const;
  const char* method() const { return method_; }

  // For Start() and Failed().
  ClientStream(const char* method, const CallOptions& options)
      : method_(method), options_(options) {}

 private:
  void OnInitialMetadata(MetadataPairs metadata) override;
  void OnMessage(std::string message) override;
  void OnSendRoom() override;
  void OnEnd(CallEnd end) override;
  // Under the lock, which is given up.
  void TellReadable(std::unique_lock<std::mutex>* lock);

  const char* const method_;
  const CallOptions options_;
  std::shared_ptr<RawCall> raw_;  // set by Start(); null: it never began

  mutable std::mutex mutex_;  // for everything below; not held in calls of raw_
  std::condition_variable changed_;
  std::deque<std::string> messages_;
  MetadataPairs initial_;
  bool heard_ = false;       // initial_ is complete
  bool closed_ = false;      // the sending side
  bool dropping_ = false;    // nobody reads any more
  uint64_t send_rooms_ = 0;  // OnSendRoom() calls
  absl::Status failure_;     // why this side has ended it
  bool over_ = false;
  std::vector<std::function<void()>> watchers_;
  CallEnd end_;  // once over_
};

// A stream that ends when nobody has it any more.
class OwnedStream {
 public:
  explicit OwnedStream(std::shared_ptr<ClientStream> stream)
      : stream_(std::move(stream)) {}
  OwnedStream(OwnedStream&&) = default;
  OwnedStream& operator=(OwnedStream&& other) {
    std::swap(stream_, other.stream_);
    return *this;
  }
  ~OwnedStream() {
    if (stream_) {
      stream_->Cancel(absl::CancelledError("the caller dropped the stream"));
    }
  }

  ClientStream* operator->() const { return stream_.get(); }
  const std::shared_ptr<ClientStream>& shared() const { return stream_; }

 private:
  std::shared_ptr<ClientStream> stream_;
};

}  // namespace ramet::stub

#endif  // STUB_CLIENT_STREAM_H_
