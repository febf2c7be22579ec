#include "clients/cc/front_door_call.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "clients/cc/callback_threads.h"
#include "core/wire/call_parts.h"
#include "stub/door_metadata.h"
#include "stub/status_bridge.h"

namespace ramet::clients {
namespace {

// As long as a service's may be (stub/error_text.h).
constexpr char kMaxErrorBytes[] = "1048576";

// The master keeps the call's limit, and knows at which hop and in which phase
// it was; its answer has so much longer to come. A master that does not answer
// is noticed only then.
absl::Duration GraceOf(absl::Duration limit) {
  return std::clamp(limit / 10, absl::Milliseconds(50), absl::Seconds(1));
}

// What gRPC says when its own deadline passes.
constexpr char kGrpcsLateText[] = "Deadline Exceeded";

std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

stub::MetadataPairs ToPairs(
    const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  stub::MetadataPairs pairs;
  for (const auto& [key, value] : metadata) {
    pairs.emplace_back(std::string(key.data(), key.size()),
                       std::string(value.data(), value.size()));
  }
  return pairs;
}

}  // namespace

FrontDoorCall::FrontDoorCall(std::shared_ptr<grpc::Channel> door,
                             std::shared_ptr<stub::RawCallListener> listener)
    : stub_(std::move(door)), listener_(std::move(listener)) {}

void FrontDoorCall::Start(const std::string& target, const std::string& method,
                          const stub::CallOptions& options) {
  KeepCallbackThreads();
  self_ = shared_from_this();
  context_.AddMetadata("ramet-target", target);
  context_.AddMetadata("ramet-max-error-bytes", kMaxErrorBytes);
  const absl::Time now = absl::Now();
  for (const auto& [key, value] : stub::DoorMetadata(options, now)) {
    context_.AddMetadata(key, value);
  }
  for (const auto& [key, value] : options.metadata) {
    context_.AddMetadata(key, value);
  }
  context_.set_wait_for_ready(options.wait_for_ready);
  if (options.compression != stub::Compression::kNone) {
    context_.set_compression_algorithm(
        static_cast<grpc_compression_algorithm>(options.compression));
  }
  const absl::Duration remaining = options.Remaining(now);
  if (remaining < absl::InfiniteDuration()) {
    late_text_ = "call failed: " + method + " in " + target +
                 " (phase front door): no answer from the master within " +
                 std::to_string(absl::ToInt64Milliseconds(remaining)) + " ms";
    context_.set_deadline(
        absl::ToChronoTime(now + remaining + GraceOf(remaining)));
  }
  stub_.PrepareBidiStreamingCall(&context_, method, grpc::StubOptions(), this);
  AddMultipleHolds(2);
  StartRead(&reply_);
  StartCall();
}

void FrontDoorCall::Send(std::string message) {
  auto* const kept = new std::string(std::move(message));
  grpc::Slice slice(
      &(*kept)[0], kept->size(),
      [](void* string) { delete static_cast<std::string*>(string); }, kept);
  absl::MutexLock lock(&mutex_);
  if (!write_hold_ || closing_) return;
  waiting_bytes_ += slice.size();
  if (waiting_bytes_ >= kSendRoomBytes) full_ = true;
  requests_.emplace_back(&slice, 1);
  WriteNext();
}

void FrontDoorCall::CloseSend() {
  absl::MutexLock lock(&mutex_);
  if (!write_hold_ || closing_) return;
  closing_ = true;
  WriteNext();
}

bool FrontDoorCall::HasSendRoom() const {
  absl::MutexLock lock(&mutex_);
  return !full_;
}

void FrontDoorCall::WriteNext() {
  if (writing_ || !write_hold_) return;
  if (!requests_.empty()) {
    writing_ = true;
    request_.Swap(&requests_.front());
    requests_.pop_front();
    closed_ = requests_.empty() && closing_;
    if (closed_) {
      StartWriteLast(&request_, grpc::WriteOptions());
    } else {
      StartWrite(&request_);
    }
  } else if (closing_) {
    writing_ = true;
    StartWritesDone();
  }
}

void FrontDoorCall::OnWriteDone(bool ok) {
  bool room = false;
  bool over = false;
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    waiting_bytes_ -= request_.Length();
    request_.Clear();
    if (!ok) {
      // The call is over; OnDone says why.
      requests_.clear();
      closing_ = closed_ = true;
    }
    if (waiting_bytes_ < kSendRoomBytes) room = std::exchange(full_, false);
    // Or the end of the requests is still to be sent.
    over = closed_;
    if (over) {
      over = std::exchange(write_hold_, false);
    } else {
      WriteNext();
    }
  }
  if (over) RemoveHold();
  if (room && ok) listener_->OnSendRoom();
}

void FrontDoorCall::OnWritesDoneDone(bool) {
  bool held;
  {
    absl::MutexLock lock(&mutex_);
    held = std::exchange(write_hold_, false);
  }
  if (held) RemoveHold();
}

void FrontDoorCall::OnReadInitialMetadataDone(bool ok) {
  if (!ok) return;
  stub::MetadataPairs metadata = ToPairs(context_.GetServerInitialMetadata());
  if (!metadata.empty()) listener_->OnInitialMetadata(std::move(metadata));
}

void FrontDoorCall::OnReadDone(bool ok) {
  if (!ok) {
    // Nothing more comes; so what is not written is not wanted either.
    int holds = 0;
    {
      absl::MutexLock lock(&mutex_);
      if (std::exchange(read_hold_, false)) ++holds;
      // A write that is under way ends its hold itself.
      if (!writing_ && std::exchange(write_hold_, false)) ++holds;
      closing_ = true;
      requests_.clear();
    }
    while (holds-- > 0) RemoveHold();
    return;
  }
  std::string message = Flatten(reply_);
  bool more;
  bool cancelled;
  {
    absl::MutexLock lock(&mutex_);
    cancelled = cancelled_;
    // One message behind the window is read: often it is the end instead,
    // which callers of unary methods wait for without consuming anything.
    more = cancelled || unconsumed_bytes_ < core::kInitialWindowBytes;
    unconsumed_bytes_ += message.size() + core::kMessagePrefixBytes;
    read_paused_ = !more;
  }
  if (!cancelled) {
    listener_->OnMessage(std::move(message));
    listener_->OnBatchEnd();
  }
  if (more) StartRead(&reply_);
}

void FrontDoorCall::Consumed(size_t message_bytes) {
  {
    absl::MutexLock lock(&mutex_);
    unconsumed_bytes_ -= message_bytes + core::kMessagePrefixBytes;
    if (!read_paused_ || !read_hold_ ||
        unconsumed_bytes_ >= core::kInitialWindowBytes) {
      return;
    }
    read_paused_ = false;
  }
  StartRead(&reply_);
}

void FrontDoorCall::Cancel() {
  context_.TryCancel();
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    // Only a read finds the end.
    if (!read_paused_ || !read_hold_) return;
    read_paused_ = false;
  }
  StartRead(&reply_);
}

void FrontDoorCall::OnDone(const grpc::Status& status) {
  const std::shared_ptr<FrontDoorCall> self = std::move(self_);
  // It may hold this call.
  const std::shared_ptr<stub::RawCallListener> listener = std::move(listener_);
  stub::CallEnd end;
  if (!status.ok()) {
    end.status =
        absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                     status.error_message());
    if (absl::IsDeadlineExceeded(end.status) &&
        end.status.message() == kGrpcsLateText && !late_text_.empty()) {
      end.status = absl::DeadlineExceededError(late_text_);
    }
    if (!status.error_details().empty()) {
      end.status.SetPayload(stub::kStatusDetailsUrl,
                            absl::Cord(status.error_details()));
    }
  }
  end.trailing_metadata = ToPairs(context_.GetServerTrailingMetadata());
  listener->OnEnd(std::move(end));
}

}  // namespace ramet::clients
