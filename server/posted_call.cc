#include "server/posted_call.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "core/wire/call_parts.h"
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
  void OnEncoding(uint32_t encoding) override {
    if (!stub::IsKnownCompression(encoding)) return;
    posted_->reply_compression_ = static_cast<stub::Compression>(encoding);
    posted_->listener_->OnCompression(posted_->reply_compression_);
  }
  void OnInitialMetadata(std::vector<core::Metadata> metadata) override {
    posted_->listener_->OnInitialMetadata(ToPairs(std::move(metadata)));
  }
  void OnMessage(std::string message) override {
    posted_->listener_->OnMessage(std::move(message));
  }
  core::Status OnCompressedMessage(std::string message) override {
    if (posted_->listener_->OnCompressedMessage(&message)) {
      return core::Status();
    }
    return posted_->Inflate(message);
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
                       std::shared_ptr<stub::RawCallListener> listener,
                       stub::Compression compression, size_t max_reply_bytes)
    : post_(std::move(post)),
      compression_(compression),
      max_reply_bytes_(max_reply_bytes),
      listener_(std::move(listener)) {}

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
  PackAndPost(std::move(message), false);
}

void PostedCall::SendLast(std::string message) {
  PackAndPost(std::move(message), true);
}

void PostedCall::SendCompressed(std::string message, bool last) {
  PostMessage(std::move(message), last, /*compressed=*/true);
}

void PostedCall::PackAndPost(std::string message, bool last) {
  std::string packed;
  if (stub::Compress(compression_, message, &packed)) {
    PostMessage(std::move(packed), last, /*compressed=*/true);
  } else {
    PostMessage(std::move(message), last, /*compressed=*/false);
  }
}

void PostedCall::PostMessage(std::string message, bool last, bool compressed) {
  const size_t bytes = message.size();
  if (posted_bytes_.fetch_add(bytes) + bytes >= kSendRoomBytes) full_ = true;
  // std::function copies; a message is moved once into memory that is shared.
  auto shared = std::make_shared<std::string>(std::move(message));
  post_([self = shared_from_this(), shared, last, compressed] {
    self->posted_bytes_ -= shared->size();
    if (self->call_ == nullptr) return;
    self->call_->Send(*shared, compressed);
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
  std::vector<size_t> together;
  {
    absl::MutexLock lock(&consumed_mutex_);
    consumed_.push_back(message_bytes);
    consumed_bytes_ += core::kMessagePrefixBytes + message_bytes;
    if (consumed_bytes_ < kToldTogetherBytes) return;
    together.swap(consumed_);
    consumed_bytes_ = 0;
  }
  post_([self = shared_from_this(), together = std::move(together)] {
    for (const size_t message_bytes : together) {
      const size_t bytes = self->WireBytes(message_bytes);
      if (self->call_ != nullptr) self->call_->Consumed(bytes);
    }
  });
}

core::Status PostedCall::Inflate(const std::string& bytes) {
  std::string message;
  const absl::Status status =
      stub::Decompress(reply_compression_, bytes, max_reply_bytes_, &message);
  if (!status.ok()) return stub::ToCoreStatus(status);
  // One alone may be as long as the caller allows.
  const bool others = inflated_bytes_ > 0;
  inflated_bytes_ += message.size();
  if (others && inflated_bytes_ > kMaxInflatedBytes) {
    return core::Status(core::Code::kResourceExhausted,
                        "compressed replies that nobody has read hold too "
                        "much memory");
  }
  inflated_.emplace(message.size(), bytes.size());
  listener_->OnMessage(std::move(message));
  return core::Status();
}

size_t PostedCall::WireBytes(size_t message_bytes) {
  // One that came as it is may have the size of another that did not; all of
  // them together are right.
  const auto found = inflated_.find(message_bytes);
  if (found == inflated_.end()) return message_bytes;
  const size_t bytes = found->second;
  inflated_bytes_ -= message_bytes;
  inflated_.erase(found);
  return bytes;
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
