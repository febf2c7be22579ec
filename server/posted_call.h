#ifndef SERVER_POSTED_CALL_H_
#define SERVER_POSTED_CALL_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "core/wire/call_parts.h"
#include "server/outgoing_call.h"
#include "stub/compression.h"
#include "stub/raw_call.h"

namespace ramet::server {

// A call that any thread may use: what is asked of it is posted to the loop,
// where the OutgoingCall lives.
//
// Ownership: shared by its user and, until it is over, by the loop.
class PostedCall final : public stub::RawCall,
                         public std::enable_shared_from_this<PostedCall> {
 public:
  // Runs a task on the loop's thread; false: there is no loop any more.
  using Post = std::function<bool(std::function<void()> task)>;

  // What replies that came compressed may hold beyond the bytes that came,
  // until they are consumed: a callee could make 256 MiB of its window. A call
  // with more is RESOURCE_EXHAUSTED.
  static constexpr size_t kMaxInflatedBytes = 64 * 1024 * 1024;

  // Consumed messages that the loop is told of together: telling it of each
  // wakes it for each. Far below the window, which a callee never waits for
  // because of these.
  static constexpr size_t kToldTogetherBytes = 16 * 1024;

  // Messages of Send() are compressed with `compression`; replies that come
  // compressed are made at most `max_reply_bytes` of.
  PostedCall(Post post, std::shared_ptr<stub::RawCallListener> listener,
             stub::Compression compression = stub::Compression::kNone,
             size_t max_reply_bytes = core::kDefaultMaxMessageBytes);
  ~PostedCall() override;

  // Starts it: `start` makes the call, on the loop, with the listener that it
  // is given. Once.
  using Start = std::function<std::shared_ptr<OutgoingCall>(
      std::unique_ptr<OutgoingCall::Listener> listener)>;
  void StartWith(Start start);
  // Ends it instead of starting it.
  void Refuse(absl::Status status);

  void Send(std::string message) override;
  void CloseSend() override;
  void SendLast(std::string message) override;
  void SendCompressed(std::string message, bool last) override;
  bool HasSendRoom() const override { return !full_.load(); }
  void Consumed(size_t message_bytes) override;
  void Cancel() override;

 private:
  class LoopListener;

  void End(stub::CallEnd end);
  void PackAndPost(std::string message, bool last);
  void PostMessage(std::string message, bool last, bool compressed);
  // The loop's: whether there is room again.
  void CheckRoom();
  // Gives the listener a message that came compressed.
  core::Status Inflate(const std::string& bytes);
  // What came for a message that the listener got with that size.
  size_t WireBytes(size_t message_bytes);

  const Post post_;
  const stub::Compression compression_;
  const size_t max_reply_bytes_;
  std::atomic<size_t> posted_bytes_{0};  // on their way to the loop
  std::atomic<bool> full_{false};

  absl::Mutex consumed_mutex_;
  // Sizes of messages that the loop was not told of.
  std::vector<size_t> consumed_ ABSL_GUARDED_BY(consumed_mutex_);
  size_t consumed_bytes_ ABSL_GUARDED_BY(consumed_mutex_) = 0;

  // The loop's.
  std::shared_ptr<OutgoingCall> call_;               // while it runs
  std::shared_ptr<stub::RawCallListener> listener_;  // until the end
  stub::Compression reply_compression_ = stub::Compression::kNone;
  // Replies that were decompressed here and not consumed yet: their sizes, and
  // what came for them.
  std::multimap<size_t, size_t> inflated_;
  size_t inflated_bytes_ = 0;  // sum of the sizes
};

}  // namespace ramet::server

#endif  // SERVER_POSTED_CALL_H_
