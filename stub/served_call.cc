#include "stub/served_call.h"

#include <utility>

#include "absl/time/clock.h"
#include "core/wire/control.h"
#include "stub/frame_writer.h"
#include "stub/metadata.h"
#include "stub/status_bridge.h"
#include "stub/trailers.h"

namespace ramet::stub {
namespace {

absl::Time DeadlineFrom(uint64_t timeout_us) {
  // A century is no limit; and larger numbers would overflow.
  constexpr uint64_t kForeverUs = 100ull * 365 * 24 * 3600 * 1'000'000;
  if (timeout_us == 0 || timeout_us > kForeverUs) return absl::InfiniteFuture();
  return absl::Now() + absl::Microseconds(timeout_us);
}

core::FrameHeader AnswerHeader(const core::FrameHeader& call,
                               core::ContextId own_id) {
  core::FrameHeader header;
  header.dst_id = call.src_id;
  header.src_id = own_id;
  header.auth_id = own_id;
  header.handle = call.reply_to;
  return header;
}

// Of the message stream.
size_t MessageBytes(std::string_view payload) {
  size_t bytes = 0;
  core::PartReader reader(payload);
  core::Part part;
  while (reader.Next(&part)) {
    if (part.kind == core::PartKind::kMessage) bytes += part.bytes.size();
  }
  return bytes;
}

absl::Status OneRequestOnly(MethodKind kind, const char* got) {
  return absl::InvalidArgumentError(
      std::string(kind == MethodKind::kUnary ? "a unary" : "this") +
      " method takes one request, and got " + got);
}

}  // namespace

ServedCall::ServedCall(const core::FrameHeader& header, const Options& options,
                       CallPort* port)
    : caller_{header.src_id, header.auth_id},
      options_(options),
      kind_(options.method == nullptr ? MethodKind::kUnary
                                      : options.method->kind),
      port_(port),
      answer_(AnswerHeader(header, options.own_id)),
      assembler_(options.max_message_bytes),
      sender_([this](std::string_view payload) {
        AppendFrame(answer_, payload, &frames_);
      }) {}

ServedCall::~ServedCall() {
  port_->held().GiveBack(held_bytes_, options_.foreign);
  port_->unsent().GiveBack(unsent_bytes_, options_.foreign);
}

ServedCall::Fed ServedCall::Feed(std::string_view payload) {
  std::lock_guard<std::mutex> lock(mutex_);
  Fed fed;
  if (aborted_) return fed;
  if (!finished_) {
    const size_t bytes = MessageBytes(payload);
    if (port_->held().Take(bytes, options_.foreign)) {
      held_bytes_ += bytes;
    } else {
      AbortLocked(absl::ResourceExhaustedError(
          "the module holds as many bytes of requests as it may; try again "
          "when it has served some"));
    }
  }
  const bool had_headers = context_.has_value();
  core::Status status = assembler_.Feed(payload, this);
  if (!status.ok()) AbortLocked(ToAbslStatus(status));
  if (!aborted_ && !finished_) {
    fed.opened = !had_headers && context_.has_value();
    Grant();
    if (!started_ && context_.has_value() && (ended_ || TakesRequests())) {
      started_ = fed.start = true;
    }
  }
  fed.over = aborted_ || sender_.finished();
  fed.has_frames = !frames_.empty();
  return fed;
}

void ServedCall::Abort(const absl::Status& status) {
  std::lock_guard<std::mutex> lock(mutex_);
  AbortLocked(status);
}

void ServedCall::AbortLocked(const absl::Status& status) {
  if (aborted_ || sender_.finished()) return;
  aborted_ = true;
  if (!finished_) outcome_ = status;
  // Before the method can see its streams end.
  if (context_.has_value()) context_->MarkCancelled();
  // What waits for credit, or for the link, is worth nothing any more.
  frames_.clear();
  core::PartWriter parts([this](std::string_view payload) {
    AppendFrame(answer_, payload, &frames_);
  });
  parts.AddTrailers(SerializeTrailers(status, {}));
  parts.Flush();
  DropMessages();
  port_->unsent().GiveBack(unsent_bytes_, options_.foreign);
  unsent_bytes_ = 0;
  changed_.notify_all();
}

void ServedCall::CancelIfAborted() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!aborted_ || !context_.has_value()) return;
  }
  context_->Cancel();
}

bool ServedCall::over() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return aborted_ || sender_.finished();
}

absl::Status ServedCall::outcome() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return outcome_;
}

absl::Status ServedCall::TakeRequest(std::string* request) {
  Request first{};
  {
    std::lock_guard<std::mutex> lock(mutex_);
    first = std::move(request_);
    DropMessages();
  }
  return Unpack(std::move(first), request);
}

absl::Status ServedCall::Unpack(Request request, std::string* message) {
  context_->set_request_compressed(request.compressed);
  if (!request.compressed) {
    *message = std::move(request.bytes);
    return absl::OkStatus();
  }
  return Decompress(static_cast<Compression>(context_->request_encoding()),
                    request.bytes, options_.max_message_bytes, message);
}

ServedCall::Reply ServedCall::Pack(std::string_view reply) const {
  Reply result;
  result.plain = reply;
  const Compression compression = context_->reply_compression();
  // What is too long is refused, however small it would get.
  if (reply.size() <= options_.max_message_bytes &&
      context_->CompressReply(reply, &result.packed)) {
    result.compression = compression;
  }
  return result;
}

void ServedCall::DropMessages() {
  request_ = Request{};
  messages_.clear();
  port_->held().GiveBack(held_bytes_, options_.foreign);
  held_bytes_ = 0;
}

void ServedCall::Finish(const absl::Status& status, std::string_view reply) {
  const Reply packed = status.ok() ? Pack(reply) : Reply();
  std::lock_guard<std::mutex> lock(mutex_);
  if (aborted_ || finished_ || AbortIfLate()) return;
  if (status.ok()) {
    const absl::Status sent = SendMessageLocked(packed);
    FinishLocked(sent);
  } else {
    FinishLocked(status);
  }
}

void ServedCall::Finish(const absl::Status& status) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!aborted_ && !finished_ && !AbortIfLate()) FinishLocked(status);
}

bool ServedCall::AbortIfLate() {
  // Its own clock tells a method so before the runtime's timer.
  if (!context_->deadline_passed()) return false;
  AbortLocked(absl::DeadlineExceededError("deadline passed"));
  return true;
}

void ServedCall::FinishLocked(const absl::Status& status) {
  SendInitialLocked();
  finished_ = true;
  outcome_ = status;
  DropMessages();
  sender_.SendTrailers(
      SerializeTrailers(status, context_->TakeTrailingMetadata()));
  sender_.Flush();
  CountUnsent();
  changed_.notify_all();
}

void ServedCall::CountUnsent() {
  const size_t bytes = sender_.waiting_bytes();
  if (bytes <= unsent_bytes_) {
    port_->unsent().GiveBack(unsent_bytes_ - bytes, options_.foreign);
  } else if (!port_->unsent().Take(bytes - unsent_bytes_, options_.foreign)) {
    outcome_ = absl::ResourceExhaustedError(
        "the module keeps as many bytes of replies as it may, for callers that "
        "take them slowly; try again when they have");
    AbortLocked(outcome_);
    return;
  }
  unsent_bytes_ = bytes;
}

void ServedCall::SendInitialLocked() {
  if (initial_sent_) return;
  initial_sent_ = true;
  const MetadataPairs metadata = context_->TakeInitialMetadata();
  reply_encoding_ = context_->reply_compression();
  if (metadata.empty() && reply_encoding_ == Compression::kNone) return;
  core::AnswerHeaders headers;
  headers.encoding = static_cast<uint32_t>(reply_encoding_);
  headers.metadata = ToWireMetadata(metadata);
  sender_.SendHeaders(core::SerializeControl(headers));
}

absl::Status ServedCall::SendMessageLocked(const Reply& reply) {
  if (reply.plain.size() > options_.max_message_bytes) {
    return absl::ResourceExhaustedError(
        "reply of " + std::to_string(reply.plain.size()) +
        " bytes is longer than the limit of " +
        std::to_string(options_.max_message_bytes) + " bytes");
  }
  SendInitialLocked();
  if (reply.compression != Compression::kNone &&
      reply.compression == reply_encoding_) {
    sender_.SendMessage(reply.packed, /*compressed=*/true);
  } else {
    sender_.SendMessage(reply.plain);
  }
  return absl::OkStatus();
}

bool ServedCall::TakeFrames(bool again, std::string* frames, bool* over) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!again && sending_) return false;
  sending_ = !frames_.empty();
  if (!sending_) return false;
  frames->clear();
  frames->swap(frames_);
  *over = aborted_ || sender_.finished();
  return true;
}

bool ServedCall::Read(std::string* message) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] {
    return aborted_ || finished_ || ended_ || !messages_.empty();
  });
  if (aborted_ || finished_ || messages_.empty()) return false;
  Request request = std::move(messages_.front());
  messages_.pop_front();
  const size_t bytes = core::kMessagePrefixBytes + request.bytes.size();
  port_->held().GiveBack(bytes, options_.foreign);
  held_bytes_ -= bytes;
  assembler_.OnConsumed(request.bytes.size());
  Grant();
  const bool has_frames = !frames_.empty();
  lock.unlock();
  if (has_frames) port_->SendFrames(this);
  const absl::Status unpacked = Unpack(std::move(request), message);
  if (unpacked.ok()) return true;
  Abort(unpacked);
  CancelIfAborted();
  port_->SendFrames(this);
  return false;
}

void ServedCall::Grant() {
  const uint32_t grant = ended_ ? 0 : assembler_.TakeGrant();
  if (grant == 0) return;
  core::FrameHeader header = answer_;
  header.flags |= core::kFlagPriority;
  core::PartWriter parts([&](std::string_view payload) {
    AppendFrame(header, payload, &frames_);
  });
  parts.AddWindow(grant);
  parts.Flush();
}

bool ServedCall::Write(std::string message) {
  const Reply reply = Pack(message);
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] {
    return aborted_ || finished_ || sender_.waiting_bytes() == 0;
  });
  if (aborted_ || finished_) return false;
  absl::Status status = SendMessageLocked(reply);
  if (!status.ok()) {
    AbortLocked(status);
  } else {
    sender_.Flush();
  }
  lock.unlock();
  if (!status.ok()) CancelIfAborted();
  port_->SendFrames(this);
  return status.ok();
}

bool ServedCall::SendInitialMetadata() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (aborted_ || finished_) return false;
    SendInitialLocked();
    sender_.Flush();
  }
  port_->SendFrames(this);
  return true;
}

void ServedCall::OnHeaders(std::string bytes) {
  core::CallHeaders headers;
  if (context_.has_value() || !core::ParseControl(bytes, &headers)) {
    return AbortLocked(absl::InternalError("malformed call headers"));
  }
  const uint64_t timeout_us = headers.timeout_us;
  chained_ = headers.chain_id != 0;
  context_.emplace(std::move(headers), caller_, DeadlineFrom(timeout_us));
  context_->SetOrigin(port_->origin());
}

void ServedCall::OnMessage(std::string message) {
  AddRequest({std::move(message), false});
}

core::Status ServedCall::OnCompressedMessage(std::string message) {
  if (!context_.has_value()) {
    return core::Status(core::Code::kInternal, "a message without headers");
  }
  const uint32_t encoding = context_->request_encoding();
  if (!IsKnownCompression(encoding)) {
    return core::Status(
        core::Code::kUnimplemented,
        "no compression with number " + std::to_string(encoding));
  }
  if (encoding == static_cast<uint32_t>(Compression::kNone)) {
    return core::Status(core::Code::kInternal,
                        "a compressed message, but the headers name no "
                        "compression");
  }
  AddRequest({std::move(message), true});
  return core::Status();
}

void ServedCall::AddRequest(Request request) {
  if (aborted_ || finished_) return;
  if (ended_) {
    return AbortLocked(absl::InternalError("a message behind the end"));
  }
  if (messages_seen_++ > 0 && !TakesRequests()) {
    return AbortLocked(OneRequestOnly(kind_, "more"));
  }
  if (kind_ == MethodKind::kUnary) {
    request_ = std::move(request);
    return;
  }
  messages_.push_back(std::move(request));
  changed_.notify_all();
}

void ServedCall::OnEnd() {
  if (aborted_ || finished_) return;
  if (!context_.has_value()) {
    return AbortLocked(absl::InternalError("a call without headers"));
  }
  if (messages_seen_ == 0 && !TakesRequests()) {
    return AbortLocked(OneRequestOnly(kind_, "none"));
  }
  ended_ = true;
  changed_.notify_all();
}

void ServedCall::OnTrailers(std::string) {
  AbortLocked(absl::InternalError("trailers from a caller"));
}

void ServedCall::OnCancel() {
  AbortLocked(absl::CancelledError("the caller cancelled"));
}

void ServedCall::OnWindow(uint32_t bytes) {
  if (aborted_) return;
  sender_.AddCredit(bytes);
  sender_.Flush();
  CountUnsent();
  changed_.notify_all();
}

}  // namespace ramet::stub
