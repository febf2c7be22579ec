#include "stub/served_call.h"

#include <utility>

#include "absl/time/clock.h"

namespace ramet::stub {
namespace {

absl::Time DeadlineFrom(uint64_t timeout_us) {
  // A century is no limit; and larger numbers would overflow.
  constexpr uint64_t kForeverUs = 100ull * 365 * 24 * 3600 * 1'000'000;
  if (timeout_us == 0 || timeout_us > kForeverUs) return absl::InfiniteFuture();
  return absl::Now() + absl::Microseconds(timeout_us);
}

}  // namespace

ServedCall::ServedCall(const core::FrameHeader& header,
                       size_t max_message_bytes)
    : caller_{header.src_id, header.auth_id},
      reply_to_(header.reply_to),
      assembler_(max_message_bytes) {}

void ServedCall::Feed(std::string_view payload) {
  core::Status status = assembler_.Feed(payload, this);
  if (!status.ok()) Refuse(std::move(status));
}

void ServedCall::Cancel() {
  if (context_.has_value()) context_->Cancel();
  if (!whole_) {
    Refuse(core::Status(core::Code::kCancelled, "the caller cancelled"));
  }
}

void ServedCall::Refuse(core::Status status) {
  if (whole_) return;
  refusal_ = std::move(status);
  whole_ = true;
}

void ServedCall::OnHeaders(std::string bytes) {
  core::CallHeaders headers;
  if (context_.has_value() || !core::ParseControl(bytes, &headers)) {
    Refuse(core::Status(core::Code::kInternal, "malformed call headers"));
    return;
  }
  const uint64_t timeout_us = headers.timeout_us;
  context_.emplace(std::move(headers), caller_, DeadlineFrom(timeout_us));
}

void ServedCall::OnMessage(std::string message) {
  if (has_request_) {
    Refuse(core::Status(core::Code::kInvalidArgument,
                        "a unary method takes one request, and got more"));
    return;
  }
  has_request_ = true;
  request_ = std::move(message);
}

void ServedCall::OnEnd() {
  if (!context_.has_value()) {
    Refuse(core::Status(core::Code::kInternal, "a call without headers"));
  } else if (!has_request_) {
    Refuse(core::Status(core::Code::kInvalidArgument,
                        "a unary method takes one request, and got none"));
  }
  whole_ = true;
}

void ServedCall::OnTrailers(std::string) {
  Refuse(core::Status(core::Code::kInternal, "trailers from a caller"));
}

}  // namespace ramet::stub
