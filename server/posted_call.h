#ifndef SERVER_POSTED_CALL_H_
#define SERVER_POSTED_CALL_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/outgoing_call.h"
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

  PostedCall(Post post, std::shared_ptr<stub::RawCallListener> listener);
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
  bool HasSendRoom() const override { return !full_.load(); }
  void Consumed(size_t message_bytes) override;
  void Cancel() override;

 private:
  class LoopListener;

  void End(stub::CallEnd end);
  void PostMessage(std::string message, bool last);
  // The loop's: whether there is room again.
  void CheckRoom();

  const Post post_;
  std::atomic<size_t> posted_bytes_{0};  // on their way to the loop
  std::atomic<bool> full_{false};

  // The loop's.
  std::shared_ptr<OutgoingCall> call_;               // while it runs
  std::shared_ptr<stub::RawCallListener> listener_;  // until the end
};

}  // namespace ramet::server

#endif  // SERVER_POSTED_CALL_H_
