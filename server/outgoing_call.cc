#include "server/outgoing_call.h"

#include "core/base/strings.h"

namespace ramet::server {

using core::Code;
using core::FrameHeader;
using core::Status;

namespace {

// Two machines' timers for the same limit go off this far apart.
constexpr int64_t kClockSlackUs = 20'000;

}  // namespace

OutgoingCall::OutgoingCall(core::Context* context, core::CallHeaders headers,
                           std::string request, Done done)
    : context_(context),
      headers_(std::move(headers)),
      request_(std::move(request)),
      done_(std::move(done)) {}

OutgoingCall::~OutgoingCall() = default;

std::shared_ptr<OutgoingCall> OutgoingCall::Create(core::Context* context,
                                                   core::CallHeaders headers,
                                                   std::string request,
                                                   Done done) {
  std::shared_ptr<OutgoingCall> call(new OutgoingCall(
      context, std::move(headers), std::move(request), std::move(done)));
  call->self_ = call;
  return call;
}

void OutgoingCall::CancelAfter(int64_t delay_us, Status status) {
  limit_status_ = std::move(status);
  start_us_ = context_->loop()->NowUs();
  timer_ = context_->loop()->RunAfter(delay_us, [this] {
    timer_ = 0;
    Cancel(limit_status_);
  });
}

void OutgoingCall::Start(core::ContextId target) {
  if (self_ == nullptr) return;
  target_ = target;
  handle_ = context_->handles().Add(target, this);
  FrameHeader header;
  header.dst_id = target;
  header.handle = core::kCallFunction;
  header.reply_to = handle_;
  core::PartWriter writer([this, &header](std::string_view payload) {
    context_->router().Send(header, payload);
  });
  writer.AddHeaders(core::SerializeControl(headers_));
  writer.AddMessage(request_);
  writer.AddEnd();
  writer.Flush();
  std::string().swap(request_);
}

void OutgoingCall::Cancel(const Status& why) {
  if (self_ == nullptr) return;
  if (handle_ != core::kNoHandle) SendCancel();
  result_.status = why;
  Finish();
}

void OutgoingCall::SendCancel() {
  FrameHeader header;
  header.dst_id = target_;
  header.handle = core::kCallFunction;
  header.reply_to = handle_;
  core::PartWriter writer([this, &header](std::string_view payload) {
    context_->router().Send(header, payload);
  });
  writer.AddCancel();
  writer.Flush();
}

void OutgoingCall::OnReply(const FrameHeader&, std::string_view payload) {
  const Status status = assembler_.Feed(payload, this);
  if (!status.ok()) {
    result_.status = core::Error(
        status.code(), {"reply to ", headers_.method, ": ", status.message()});
    SendCancel();
    over_ = true;
  }
  if (over_) Finish();
}

void OutgoingCall::OnDead(const Status& why) {
  handle_ = core::kNoHandle;
  result_.status = why;
  Finish();
}

void OutgoingCall::OnMessage(std::string message) {
  has_message_ = true;
  result_.message = std::move(message);
}

void OutgoingCall::OnTrailers(std::string bytes) {
  core::CallTrailers trailers;
  over_ = true;
  if (!core::ParseControl(bytes, &trailers)) {
    result_.status = core::Error(
        Code::kInternal, {"reply to ", headers_.method, ": bad trailers"});
    return;
  }
  result_.details = std::move(trailers.details);
  result_.trailing_metadata = std::move(trailers.metadata);
  const Code code = core::CodeFromNumber(trailers.code);
  const bool limit_reached =
      headers_.timeout_us != 0 && !limit_status_.ok() &&
      context_->loop()->NowUs() - start_us_ >=
          static_cast<int64_t>(headers_.timeout_us) - kClockSlackUs;
  if (limit_reached &&
      (code == Code::kCancelled || code == Code::kDeadlineExceeded)) {
    result_.status = limit_status_;
  } else if (trailers.code != 0) {
    result_.status = Status(core::CodeFromNumber(trailers.code),
                            std::move(trailers.message));
  } else if (!has_message_) {
    result_.status = core::Error(
        Code::kInternal, {"reply to ", headers_.method, ": no message"});
  }
}

void OutgoingCall::Finish() {
  const std::shared_ptr<OutgoingCall> self = std::move(self_);
  if (handle_ != core::kNoHandle) context_->handles().Remove(handle_);
  context_->loop()->CancelTimer(timer_);
  const Done done = std::move(done_);
  done(std::move(result_));
}

}  // namespace ramet::server
