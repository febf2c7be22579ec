#include "stub/module_call.h"

#include <utility>

#include "absl/strings/cord.h"
#include "core/wire/call_parts.h"
#include "stub/frame_writer.h"
#include "stub/metadata.h"
#include "stub/status_bridge.h"

namespace ramet::stub {

ModuleCall::ModuleCall(Host* host, Options options,
                       std::shared_ptr<RawCallListener> listener)
    : host_(host),
      options_(std::move(options)),
      listener_(std::move(listener)),
      sender_([this](std::string_view payload) {
        AppendFrame(options_.header, payload, &frames_);
      }),
      assembler_(options_.max_reply_bytes) {}

void ModuleCall::Start(const core::CallHeaders& headers,
                       const std::string* request) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (over_) return;
  started_ = true;
  sender_.SendHeaders(core::SerializeControl(headers));
  if (request != nullptr) {
    SendLocked(request, true);
  } else {
    QueueLocked();
  }
}

void ModuleCall::SendLocked(const std::string* message, bool last) {
  if (over_ || closed_) return;
  closed_ = last;
  if (message != nullptr) sender_.SendMessage(*message);
  if (last) sender_.SendEnd();
  full_ = sender_.waiting_bytes() >= kSendRoomBytes;
  QueueLocked();
}

// Under the lock, so that the frames are in order.
void ModuleCall::QueueLocked() {
  sender_.Flush();
  if (frames_.empty()) return;
  host_->QueueFrames(frames_);
  frames_.clear();
}

void ModuleCall::Send(std::string message) {
  std::lock_guard<std::mutex> lock(mutex_);
  SendLocked(&message, false);
}

void ModuleCall::CloseSend() {
  std::lock_guard<std::mutex> lock(mutex_);
  SendLocked(nullptr, true);
}

void ModuleCall::SendLast(std::string message) {
  std::lock_guard<std::mutex> lock(mutex_);
  SendLocked(&message, true);
}

bool ModuleCall::HasSendRoom() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return !full_;
}

void ModuleCall::Consumed(size_t message_bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (over_) return;
  assembler_.OnConsumed(message_bytes);
  SendGrantLocked();
}

void ModuleCall::SendGrantLocked() {
  const uint32_t grant = assembler_.TakeGrant();
  if (grant == 0) return;
  core::FrameHeader header = options_.header;
  header.flags |= core::kFlagPriority;
  std::string frames;
  core::PartWriter parts(
      [&](std::string_view payload) { AppendFrame(header, payload, &frames); });
  parts.AddWindow(grant);
  parts.Flush();
  host_->QueueFrames(frames);
}

bool ModuleCall::OnFrame(std::string_view payload) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (over_) return true;
  const core::Status status = assembler_.Feed(payload, this);
  if (!status.ok()) EndLocked(ToAbslStatus(status), {}, true);
  if (over_) return true;
  SendGrantLocked();
  if (!events_.empty() && events_.back().kind == Event::Kind::kMessage) {
    events_.push_back({Event::Kind::kBatchEnd, {}, {}});
  }
  return false;
}

void ModuleCall::OnDead(std::string_view payload) {
  core::Dead dead;
  absl::Status status = absl::UnavailableError("dead reply without a reason");
  if (core::ParseControl(payload, &dead) && dead.code != 0) {
    status = absl::Status(
        static_cast<absl::StatusCode>(core::CodeFromNumber(dead.code)),
        dead.message);
  }
  std::lock_guard<std::mutex> lock(mutex_);
  EndLocked(std::move(status), {}, false);
}

bool ModuleCall::End(absl::Status status) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (over_) return false;
  EndLocked(std::move(status), {}, true);
  return true;
}

void ModuleCall::Cancel() {
  if (End(absl::CancelledError("cancelled"))) {
    host_->OnEnded(shared_from_this());
  }
}

void ModuleCall::EndLocked(absl::Status status, MetadataPairs metadata,
                           bool tell) {
  if (over_) return;
  over_ = true;
  full_ = false;
  if (tell && started_) {
    AppendFrame(options_.header, core::CancelPayload(), &frames_);
    host_->QueueFrames(frames_);
  }
  frames_.clear();
  events_.push_back(
      {Event::Kind::kEnd, {}, {std::move(status), std::move(metadata)}});
  if (options_.tie != nullptr) options_.tie->Remove(this);
}

void ModuleCall::Deliver() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (delivering_) return;
  delivering_ = true;
  while (!events_.empty()) {
    Event event = std::move(events_.front());
    events_.pop_front();
    const bool last = event.kind == Event::Kind::kEnd;
    std::shared_ptr<RawCallListener> listener =
        last ? std::move(listener_) : listener_;
    lock.unlock();
    switch (event.kind) {
      case Event::Kind::kMetadata:
        listener->OnInitialMetadata(std::move(event.end.trailing_metadata));
        break;
      case Event::Kind::kMessage:
        listener->OnMessage(std::move(event.message));
        break;
      case Event::Kind::kBatchEnd:
        listener->OnBatchEnd();
        break;
      case Event::Kind::kSendRoom:
        listener->OnSendRoom();
        break;
      case Event::Kind::kEnd:
        listener->OnEnd(std::move(event.end));
        break;
    }
    listener = nullptr;
    lock.lock();
  }
  delivering_ = false;
}

void ModuleCall::OnHeaders(std::string bytes) {
  core::AnswerHeaders headers;
  if (over_ || !core::ParseControl(bytes, &headers)) return;
  events_.push_back({Event::Kind::kMetadata,
                     {},
                     {{}, FromWireMetadata(std::move(headers.metadata))}});
}

void ModuleCall::OnMessage(std::string message) {
  if (over_) return;
  events_.push_back({Event::Kind::kMessage, std::move(message), {}});
}

void ModuleCall::OnWindow(uint32_t bytes) {
  if (over_) return;
  sender_.AddCredit(bytes);
  QueueLocked();
  if (full_ && sender_.waiting_bytes() < kSendRoomBytes) {
    full_ = false;
    events_.push_back({Event::Kind::kSendRoom, {}, {}});
  }
}

void ModuleCall::OnTrailers(std::string bytes) {
  core::CallTrailers trailers;
  if (!core::ParseControl(bytes, &trailers)) {
    return EndLocked(absl::InternalError("malformed trailers of an answer"), {},
                     false);
  }
  absl::Status status;
  if (trailers.code != 0) {
    status = absl::Status(
        static_cast<absl::StatusCode>(core::CodeFromNumber(trailers.code)),
        trailers.message);
    if (!trailers.details.empty()) {
      status.SetPayload(kStatusDetailsUrl,
                        absl::Cord(std::move(trailers.details)));
    }
  }
  EndLocked(std::move(status), FromWireMetadata(std::move(trailers.metadata)),
            false);
}

}  // namespace ramet::stub
