#include "server/posted_call.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "stub/status_bridge.h"

namespace ramet::server {
namespace {

stub::MetadataPairs ToPairs(std::vector<core::Metadata> metadata) {
  stub::MetadataPairs pairs;
  pairs.reserve(metadata.size());
  for (core::Metadata& each : metadata) {
    pairs.emplace_back(std::move(each.key), std::move(each.value));
  }
  return pairs;
}

}  // namespace

// Owned by the OutgoingCall, and keeps its PostedCall for as long.
class PostedCall::LoopListener final : public OutgoingCall::Listener {
 public:
  explicit LoopListener(std::shared_ptr<PostedCall> posted)
      : posted_(std::move(posted)) {}

 private:
  void OnInitialMetadata(std::vector<core::Metadata> metadata) override {
    posted_->listener_->OnInitialMetadata(ToPairs(std::move(metadata)));
  }
  void OnMessage(std::string message) override {
    posted_->listener_->OnMessage(std::move(message));
  }
  void OnSent() override { posted_->CheckRoom(); }
  void OnBatchEnd() override { posted_->listener_->OnBatchEnd(); }
  void OnEnd(CallResult result) override {
    posted_->call_ = nullptr;
    stub::CallEnd end;
    end.status = stub::ToAbslStatus(result.status);
    if (!result.details.empty() && !end.status.ok()) {
      end.status.SetPayload(stub::kStatusDetailsUrl,
                            absl::Cord(std::move(result.details)));
    }
    end.trailing_metadata = ToPairs(std::move(result.trailing_metadata));
    posted_->End(std::move(end));
  }

  const std::shared_ptr<PostedCall> posted_;
};

PostedCall::PostedCall(Post post,
                       std::shared_ptr<stub::RawCallListener> listener)
    : post_(std::move(post)), listener_(std::move(listener)) {}

PostedCall::~PostedCall() = default;

void PostedCall::StartWith(Start start) {
  auto self = shared_from_this();
  const bool posted = post_([self, start = std::move(start)] {
    self->call_ = start(std::make_unique<LoopListener>(self));
  });
  if (!posted) Refuse(absl::CancelledError("the master is gone"));
}

void PostedCall::Refuse(absl::Status status) {
  stub::CallEnd end;
  end.status = std::move(status);
  End(std::move(end));
}

void PostedCall::End(stub::CallEnd end) {
  // It may hold this call.
  const std::shared_ptr<stub::RawCallListener> listener = std::move(listener_);
  listener->OnEnd(std::move(end));
}

void PostedCall::Send(std::string message) {
  PostMessage(std::move(message), false);
}

void PostedCall::SendLast(std::string message) {
  PostMessage(std::move(message), true);
}

void PostedCall::PostMessage(std::string message, bool last) {
  const size_t bytes = message.size();
  if (posted_bytes_.fetch_add(bytes) + bytes >= kSendRoomBytes) full_ = true;
  // std::function copies; a message is moved once into memory that is shared.
  auto shared = std::make_shared<std::string>(std::move(message));
  post_([self = shared_from_this(), shared, last] {
    self->posted_bytes_ -= shared->size();
    if (self->call_ == nullptr) return;
    self->call_->Send(*shared);
    if (last) self->call_->CloseSend();
    if (self->call_->waiting_bytes() >= kSendRoomBytes) self->full_ = true;
    self->CheckRoom();
  });
}

void PostedCall::CloseSend() {
  post_([self = shared_from_this()] {
    if (self->call_ != nullptr) self->call_->CloseSend();
  });
}

void PostedCall::Consumed(size_t message_bytes) {
  post_([self = shared_from_this(), message_bytes] {
    if (self->call_ != nullptr) self->call_->Consumed(message_bytes);
  });
}

void PostedCall::Cancel() {
  post_([self = shared_from_this()] {
    if (self->call_ != nullptr) {
      self->call_->Cancel(core::Status(core::Code::kCancelled, "cancelled"));
    }
  });
}

void PostedCall::CheckRoom() {
  if (call_ == nullptr) return;
  const size_t waiting = call_->waiting_bytes() + posted_bytes_.load();
  if (waiting < kSendRoomBytes && full_.exchange(false)) {
    listener_->OnSendRoom();
  }
}

}  // namespace ramet::server
