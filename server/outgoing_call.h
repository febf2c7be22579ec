#ifndef SERVER_OUTGOING_CALL_H_
#define SERVER_OUTGOING_CALL_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/context/context.h"
#include "core/wire/call_assembler.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"

namespace ramet::server {

// How a call ended. On success `message` is the reply.
struct CallResult {
  core::Status status;
  std::string message;
  std::string details;  // google.rpc.Status, when the callee gave one
  std::vector<core::Metadata> trailing_metadata;
};

// One unary call from the master to a context, from the request's frames to
// the answer. `done` runs exactly once, on the loop.
//
// Ownership: keeps itself until it is over; others hold weak pointers.
// Threads: the loop's.
class OutgoingCall final : public std::enable_shared_from_this<OutgoingCall>,
                           private core::ReplyHandler,
                           private core::CallAssembler::Sink {
 public:
  using Done = std::function<void(CallResult result)>;

  static std::shared_ptr<OutgoingCall> Create(core::Context* context,
                                              core::CallHeaders headers,
                                              std::string request, Done done);
  ~OutgoingCall() override;

  const std::string& method() const { return headers_.method; }

  // Ends it with `status` unless it is over `delay_us` from now. Once. A callee
  // that keeps the same limit and says so first is given the same status.
  void CancelAfter(int64_t delay_us, core::Status status);
  // Writes the request's frames to `target`.
  void Start(core::ContextId target);
  // Ends it with this status, and tells the callee when there is one. Does
  // nothing once it is over.
  void Cancel(const core::Status& why);

 private:
  OutgoingCall(core::Context* context, core::CallHeaders headers,
               std::string request, Done done);

  void OnReply(const core::FrameHeader& header,
               std::string_view payload) override;
  void OnDead(const core::Status& why) override;

  void OnHeaders(std::string) override {}
  void OnMessage(std::string message) override;
  void OnEnd() override {}
  void OnTrailers(std::string bytes) override;
  void OnCancel() override {}

  void SendCancel();
  void Finish();

  core::Context* const context_;
  const core::CallHeaders headers_;
  std::string request_;
  Done done_;
  std::shared_ptr<OutgoingCall> self_;  // until it is over
  core::EventLoop::TimerId timer_ = 0;
  core::Status limit_status_;
  int64_t start_us_ = 0;
  core::ContextId target_ = 0;
  core::HandleId handle_ = core::kNoHandle;
  core::CallAssembler assembler_;
  CallResult result_;
  bool has_message_ = false;
  bool over_ = false;
};

}  // namespace ramet::server

#endif  // SERVER_OUTGOING_CALL_H_
