#include "server/outgoing_call.h"

#include <algorithm>
#include <utility>

#include "core/base/strings.h"

namespace ramet::server {

using core::Code;
using core::FrameHeader;
using core::Status;

namespace {

// Two machines' timers for the same limit go off this far apart.
constexpr int64_t kClockSlackUs = 20'000;

}  // namespace

core::Status OutgoingCall::Listener::OnCompressedMessage(std::string) {
  return Status(Code::kInternal, "a compressed message");
}

OutgoingCall::OutgoingCall(core::Context* context, core::CallHeaders headers,
                           std::unique_ptr<Listener> listener,
                           size_t max_reply_bytes, uint64_t window_bytes)
    : context_(context),
      headers_(std::move(headers)),
      listener_(std::move(listener)),
      sender_([this](std::string_view payload) { SendFrame(payload, 0); },
              /*credit=*/0),
      assembler_(max_reply_bytes, window_bytes) {}

OutgoingCall::~OutgoingCall() = default;

std::shared_ptr<OutgoingCall> OutgoingCall::Create(
    core::Context* context, core::CallHeaders headers,
    std::unique_ptr<Listener> listener, size_t max_reply_bytes,
    uint64_t window_bytes) {
  std::shared_ptr<OutgoingCall> call(
      new OutgoingCall(context, std::move(headers), std::move(listener),
                       max_reply_bytes, window_bytes));
  call->self_ = call;
  return call;
}

void OutgoingCall::CancelAfter(int64_t delay_us, Status status) {
  limit_status_ = std::move(status);
  timer_ = context_->loop()->RunAfter(delay_us, [this] {
    timer_ = 0;
    Cancel(limit_status_);
  });
}

void OutgoingCall::SetDeadline(int64_t limit_us, int64_t slack_us,
                               Status status) {
  deadline_us_ = context_->loop()->NowUs() + limit_us;
  CancelAfter(limit_us + slack_us, std::move(status));
}

void OutgoingCall::Start(core::ContextId target) {
  if (over()) return;
  target_ = target;
  handle_ = context_->handles().Add(target, this);
  if (deadline_us_ != 0) {
    headers_.timeout_us =
        std::max<int64_t>(deadline_us_ - context_->loop()->NowUs(), 1);
  }
  if (chain_starts_ != nullptr) chain_starts_->push_back(this);
  sender_.SendHeaders(core::SerializeControl(headers_));
  headers_.metadata.clear();
  sender_.AddCredit(core::kInitialWindowBytes);
  FlushSoon();
}

void OutgoingCall::Send(std::string_view message, bool compressed) {
  if (over()) return;
  sender_.SendMessage(message, compressed);
  FlushSoon();
}

void OutgoingCall::CloseSend() {
  if (over()) return;
  sender_.SendEnd();
  FlushSoon();
}

void OutgoingCall::FlushSoon() {
  if (flush_due_ || handle_ == core::kNoHandle) return;
  flush_due_ = true;
  context_->loop()->AtTurnEnd(this);
}

void OutgoingCall::OnTurnEnd() {
  flush_due_ = false;
  sender_.Flush();
}

void OutgoingCall::Consumed(size_t message_bytes) {
  if (over()) return;
  assembler_.OnConsumed(message_bytes);
  SendGrant();
}

void OutgoingCall::Cancel(const Status& why) {
  if (over()) return;
  if (handle_ != core::kNoHandle) SendCancel();
  CallResult result;
  result.status = why;
  Finish(std::move(result));
}

void OutgoingCall::SendFirstFrames() {
  ChainStarts* const starts = std::exchange(chain_starts_, nullptr);
  while (!starts->empty()) {
    OutgoingCall* const first = starts->front();
    starts->pop_front();
    if (first == this) return;
    first->chain_starts_ = nullptr;
    const std::shared_ptr<OutgoingCall> kept = first->shared_from_this();
    first->sender_.Flush();
  }
}

void OutgoingCall::SendFrame(std::string_view payload, uint8_t flags) {
  // A long message goes out as it is given, and must not get ahead.
  if (chain_starts_ != nullptr) SendFirstFrames();
  FrameHeader header;
  header.flags = flags;
  header.dst_id = target_;
  header.handle = core::kCallFunction;
  header.reply_to = handle_;
  context_->router().Send(header, payload);
}

void OutgoingCall::SendGrant() {
  const uint32_t grant = assembler_.TakeGrant();
  if (grant == 0) return;
  core::PartWriter writer([this](std::string_view payload) {
    SendFrame(payload, core::kFlagPriority);
  });
  writer.AddWindow(grant);
  writer.Flush();
}

void OutgoingCall::SendCancel() {
  core::PartWriter writer(
      [this](std::string_view payload) { SendFrame(payload, 0); });
  writer.AddCancel();
  writer.Flush();
}

void OutgoingCall::OnReply(const FrameHeader&, std::string_view payload) {
  // The listener may end it in any of its callbacks.
  const std::shared_ptr<OutgoingCall> self = shared_from_this();
  const Status status = assembler_.Feed(payload, this);
  if (over()) return;
  if (!status.ok()) {
    Cancel(core::Error(status.code(),
                       {"reply to ", headers_.method, ": ", status.message()}));
    return;
  }
  SendGrant();
  listener_->OnBatchEnd();
}

void OutgoingCall::OnDead(const Status& why) {
  handle_ = core::kNoHandle;
  CallResult result;
  result.status = why;
  Finish(std::move(result));
}

void OutgoingCall::OnHeaders(std::string bytes) {
  core::AnswerHeaders headers;
  if (over() || answered_ || !core::ParseControl(bytes, &headers)) return;
  answered_ = true;
  if (headers.encoding != 0) listener_->OnEncoding(headers.encoding);
  if (over() || headers.metadata.empty()) return;
  listener_->OnInitialMetadata(std::move(headers.metadata));
}

void OutgoingCall::OnMessage(std::string message) {
  if (over()) return;
  answered_ = true;
  listener_->OnMessage(std::move(message));
}

Status OutgoingCall::OnCompressedMessage(std::string message) {
  if (over()) return Status();
  answered_ = true;
  return listener_->OnCompressedMessage(std::move(message));
}

void OutgoingCall::OnWindow(uint32_t bytes) {
  if (over()) return;
  sender_.AddCredit(bytes);
  FlushSoon();
  listener_->OnSent();
}

void OutgoingCall::OnTrailers(std::string bytes) {
  if (over()) return;
  core::CallTrailers trailers;
  CallResult result;
  if (!core::ParseControl(bytes, &trailers)) {
    result.status = core::Error(
        Code::kInternal, {"reply to ", headers_.method, ": bad trailers"});
  } else {
    result.status = StatusOf(&trailers);
    result.details = std::move(trailers.details);
    result.trailing_metadata = std::move(trailers.metadata);
  }
  Finish(std::move(result));
}

Status OutgoingCall::StatusOf(core::CallTrailers* trailers) const {
  const Code code = core::CodeFromNumber(trailers->code);
  const bool limit_reached =
      deadline_us_ != 0 &&
      context_->loop()->NowUs() >= deadline_us_ - kClockSlackUs;
  if (limit_reached &&
      (code == Code::kCancelled || code == Code::kDeadlineExceeded)) {
    return limit_status_;
  }
  if (trailers->code == 0) return Status();
  return Status(code, std::move(trailers->message));
}

void OutgoingCall::Finish(CallResult result) {
  const std::shared_ptr<OutgoingCall> self = std::move(self_);
  if (handle_ != core::kNoHandle) context_->handles().Remove(handle_);
  context_->loop()->CancelTimer(timer_);
  if (chain_starts_ != nullptr) {
    ChainStarts& starts = *chain_starts_;
    starts.erase(std::remove(starts.begin(), starts.end(), this), starts.end());
  }
  if (flush_due_) context_->loop()->ForgetTurnEnd(this);
  const std::unique_ptr<Listener> listener = std::move(listener_);
  listener->OnEnd(std::move(result));
}

}  // namespace ramet::server
