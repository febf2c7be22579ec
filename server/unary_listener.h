#ifndef SERVER_UNARY_LISTENER_H_
#define SERVER_UNARY_LISTENER_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/strings.h"
#include "server/outgoing_call.h"

namespace ramet::server {

// Waits for the one reply of a unary call. Threads: the loop's.
class UnaryListener final : public OutgoingCall::Listener {
 public:
  // With the reply when the result's status is OK. INTERNAL: the callee said
  // OK and sent none, or several.
  using Done = std::function<void(CallResult result, std::string reply)>;

  UnaryListener(std::string method, Done done)
      : method_(std::move(method)), done_(std::move(done)) {}

 private:
  void OnInitialMetadata(std::vector<core::Metadata>) override {}
  void OnMessage(std::string message) override {
    ++messages_;
    reply_ = std::move(message);
  }
  void OnSent() override {}
  void OnBatchEnd() override {}
  void OnEnd(CallResult result) override {
    if (result.status.ok() && messages_ != 1) {
      result.status =
          core::Error(core::Code::kInternal,
                      {"reply to ", method_,
                       messages_ == 0 ? ": no message" : ": several messages"});
    }
    done_(std::move(result), std::move(reply_));
  }

  const std::string method_;
  const Done done_;
  std::string reply_;
  uint64_t messages_ = 0;
};

}  // namespace ramet::server

#endif  // SERVER_UNARY_LISTENER_H_
