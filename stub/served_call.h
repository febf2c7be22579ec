#ifndef STUB_SERVED_CALL_H_
#define STUB_SERVED_CALL_H_

#include <optional>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/wire/call_assembler.h"
#include "core/wire/call_parts.h"
#include "core/wire/frame_header.h"
#include "stub/call_context.h"

namespace ramet::stub {

// One unary call from its first frame to its answer.
//
// While it arrives, whoever holds the runtime's lock feeds it; once whole(),
// it belongs to the thread that serves it, and others only Cancel() it.
class ServedCall : private core::CallAssembler::Sink {
 public:
  // `header` is that of the call's first frame.
  ServedCall(const core::FrameHeader& header, size_t max_message_bytes);

  core::ContextId caller_id() const { return caller_.id; }
  core::ContextId authority_id() const { return caller_.authority; }
  core::HandleId reply_to() const { return reply_to_; }

  // Takes one frame's payload; errors become the call's refusal().
  void Feed(std::string_view payload);
  // The caller wants no answer any more.
  void Cancel();
  // Answers the call with `status` instead of serving it.
  void Refuse(core::Status status);

  // It can be served, or answered with refusal().
  bool whole() const { return whole_; }
  const core::Status& refusal() const { return refusal_; }
  // Both only for a whole call without a refusal.
  const CallContext& context() const { return *context_; }
  const std::string& request() const { return request_; }

 private:
  void OnHeaders(std::string bytes) override;
  void OnMessage(std::string message) override;
  void OnEnd() override;
  void OnTrailers(std::string bytes) override;
  void OnCancel() override { Cancel(); }

  const CallContext::Caller caller_;
  const core::HandleId reply_to_;
  core::CallAssembler assembler_;
  std::optional<CallContext> context_;  // from the headers on
  std::string request_;
  bool has_request_ = false;
  bool whole_ = false;
  core::Status refusal_;
};

}  // namespace ramet::stub

#endif  // STUB_SERVED_CALL_H_
