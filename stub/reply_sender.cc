#include "stub/reply_sender.h"

#include <string_view>

#include "absl/strings/cord.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "stub/error_text.h"
#include "stub/status_bridge.h"

namespace ramet::stub {
namespace {

std::string SerializeTrailers(const absl::Status& status) {
  if (status.ok()) return std::string();
  const absl::string_view text = status.message();
  core::CallTrailers trailers;
  trailers.code = static_cast<uint32_t>(
      core::CodeFromNumber(static_cast<uint32_t>(status.code())));
  trailers.message = CleanErrorText({text.data(), text.size()});
  if (auto details = status.GetPayload(kStatusDetailsUrl)) {
    trailers.details = std::string(*details);
  }
  return core::SerializeControl(trailers);
}

}  // namespace

bool ReplySender::Send(core::ContextId caller_id, core::HandleId reply_to,
                       const absl::Status& status, const std::string& reply) {
  if (status.ok() && reply.size() > max_message_bytes_) {
    return Send(caller_id, reply_to,
                absl::ResourceExhaustedError(
                    "reply of " + std::to_string(reply.size()) +
                    " bytes is longer than the limit of " +
                    std::to_string(max_message_bytes_) + " bytes"),
                std::string());
  }
  core::FrameHeader header;
  header.dst_id = caller_id;
  header.src_id = own_id_;
  header.auth_id = own_id_;
  header.handle = reply_to;
  bool sent = true;
  core::PartWriter parts([&](std::string_view payload) {
    sent = sent && writer_->Write(header, payload);
  });
  if (status.ok()) parts.AddMessage(reply);
  parts.AddTrailers(SerializeTrailers(status));
  parts.Flush();
  return sent;
}

}  // namespace ramet::stub
