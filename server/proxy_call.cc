#include "server/proxy_call.h"

#include <grpc/grpc.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/grpc_compression.h"
#include "server/master_name.h"
#include "stub/door_metadata.h"
#include "stub/status_bridge.h"

namespace ramet::server {
namespace {

// gRPC sends a status's text in HTTP/2 headers, of which a stock client takes
// 8 KiB, percent-encoded and with everything else; a longer text would turn
// the real error into one about headers. Clients that take more say how much.
constexpr char kMaxTextKey[] = "ramet-max-error-bytes";
constexpr size_t kDefaultMaxTextBytes = 4096;

// A call waits so long for those before it in its chain. They come at the same
// time, or never: their client gave them up, or has died.
constexpr absl::Duration kMaxChainHold = absl::Seconds(10);

bool IsOwnKey(absl::string_view key) {
  return absl::StartsWith(key, ":") || absl::StartsWith(key, "grpc-") ||
         absl::StartsWith(key, "ramet-") || key == "user-agent" ||
         key == "content-type" || key == "te";
}

// A pair that gRPC would refuse ends the whole program; a context may send any.
bool IsLegal(const std::pair<std::string, std::string>& pair) {
  if (IsOwnKey(pair.first)) return false;
  const grpc_slice key =
      grpc_slice_from_static_buffer(pair.first.data(), pair.first.size());
  const grpc_slice value =
      grpc_slice_from_static_buffer(pair.second.data(), pair.second.size());
  return grpc_header_key_is_legal(key) != 0 &&
         (grpc_is_binary_header(key) != 0 ||
          grpc_header_nonbin_value_is_legal(value) != 0);
}

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

// Takes the bytes over instead of copying them.
grpc::ByteBuffer ToBuffer(std::string bytes) {
  auto* const kept = new std::string(std::move(bytes));
  grpc::Slice slice(
      &(*kept)[0], kept->size(),
      [](void* string) { delete static_cast<std::string*>(string); }, kept);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

void ProxyCall::Request(Door* door) {
  const std::shared_ptr<ProxyCall> call(new ProxyCall(door));
  {
    absl::MutexLock lock(&door->mutex);
    ++door->live;
  }
  absl::MutexLock lock(&call->mutex_);
  call->self_ = call;
  call->events_ = 2;  // OnRequested's and OnDone's
  call->context_.AsyncNotifyWhenDone(&call->done_);
  grpc::ServerCompletionQueue* const queue = door->queue.get();
  door->service.RequestCall(&call->context_, &call->stream_, queue, queue,
                            &call->requested_);
}

void ProxyCall::OnEvent(void* tag, bool ok) {
  const Event event = *static_cast<Event*>(tag);
  (event.call->*event.handle)(ok);
  std::shared_ptr<ProxyCall> last;
  {
    absl::MutexLock lock(&event.call->mutex_);
    if (--event.call->events_ > 0 || !event.call->finishing_) return;
    last = std::move(event.call->self_);
  }
  absl::MutexLock lock(&last->door_->mutex);
  --last->door_->live;
}

void ProxyCall::OnRequested(bool ok) {
  if (!ok) {
    // The server is being shut down; then OnDone does not come.
    absl::MutexLock lock(&mutex_);
    --events_;
    finishing_ = true;
    return;
  }
  Request(door_);
  request_compression_ = CompressionOf(&context_);
  accepted_compressions_ = AcceptedCompressions(&context_);
  {
    absl::MutexLock lock(&mutex_);
    FindKind();
    // The call and its only message then go out together.
    if (one_request_) return StartRead();
  }
  if (Admit()) StartForwarding();
  absl::MutexLock lock(&mutex_);
  StartRead();
}

void ProxyCall::FindKind() {
  if (FindMetadata("ramet-target") == kMasterName) {
    const auto kind = door_->master->hosted().KindOf(context_.method());
    one_request_ = kind == stub::MethodKind::kUnary ||
                   kind == stub::MethodKind::kServerStreaming;
    one_reply_ = kind == stub::MethodKind::kUnary ||
                 kind == stub::MethodKind::kClientStreaming;
    return;
  }
  const ModuleRepository::Streams streams =
      door_->master->modules().StreamsOf(context_.method());
  one_request_ = !streams.requests;
  one_reply_ = !streams.replies;
}

void ProxyCall::Refuse(absl::Status status) {
  stub::CallEnd end;
  end.status = std::move(status);
  OnEnd(std::move(end));
}

bool ProxyCall::Admit() {
  absl::StatusOr<Admission> admission =
      door_->gatekeeper->AdmitForwarded(context_);
  if (!admission.ok()) {
    Refuse(admission.status());
    return false;
  }
  admission_ = *std::move(admission);
  const auto deadline = context_.deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) {
    options_.deadline = absl::FromChrono(deadline);
  }
  absl::Status read = stub::ReadDoorMetadata(
      [this](const std::string& key) -> std::optional<std::string> {
        const auto it = context_.client_metadata().find(key);
        if (it == context_.client_metadata().end()) return std::nullopt;
        return std::string(it->second.data(), it->second.size());
      },
      absl::Now(), &options_);
  if (!read.ok()) {
    Refuse(std::move(read));
    return false;
  }
  options_.max_reply_bytes =
      std::min<size_t>(options_.max_reply_bytes, kMaxReplyBytes);
  for (const auto& [key, value] : context_.client_metadata()) {
    if (!IsOwnKey(absl::string_view(key.data(), key.size()))) {
      options_.metadata.emplace_back(std::string(key.data(), key.size()),
                                     std::string(value.data(), value.size()));
    }
  }
  options_.compression = request_compression_;
  options_.accepted_compressions = accepted_compressions_;
  return true;
}

void ProxyCall::GiveUpTurn() {
  stub::CallOptions options;
  const absl::Status read = stub::ReadDoorMetadata(
      [this](const std::string& key) -> std::optional<std::string> {
        const auto it = context_.client_metadata().find(key);
        if (it == context_.client_metadata().end()) return std::nullopt;
        return std::string(it->second.data(), it->second.size());
      },
      absl::Now(), &options);
  if (!read.ok() || options.chain_position.id == 0) return;
  door_->chains->Skip(
      {door_->gatekeeper->CallerName(context_), options.chain_position.id},
      options.chain_position);
}

void ProxyCall::ForwardInTurn(Message request) {
  chain_key_ = {door_->gatekeeper->CallerName(context_),
                options_.chain_position.id};
  options_.chain_position.id = door_->chains->IdFor(chain_key_);
  const size_t bytes = request.bytes.size();
  auto shared = std::make_shared<Message>(std::move(request));
  {
    absl::MutexLock lock(&mutex_);
    held_ = true;
    ++events_;
    alarm_.Set(door_->queue.get(),
               absl::ToChronoTime(absl::Now() + kMaxChainHold), &held_long_);
  }
  const bool entered = door_->chains->Enter(
      chain_key_, options_.chain_position, bytes,
      [self = shared_from_this(), shared] {
        bool gone;
        {
          absl::MutexLock lock(&self->mutex_);
          self->held_ = false;
          gone = self->broken_;
        }
        self->alarm_.Cancel();
        if (gone) {
          return self->Refuse(absl::CancelledError("the client cancelled"));
        }
        self->ForwardOnly(std::move(*shared));
      });
  if (entered) return;
  {
    absl::MutexLock lock(&mutex_);
    held_ = false;
  }
  alarm_.Cancel();
  Refuse(absl::ResourceExhaustedError(
      "the master holds as many bytes as it may of calls that wait for others "
      "of their chain; try again when some are over"));
}

void ProxyCall::OnHeldLong(bool ok) {
  if (ok) door_->chains->Expire(chain_key_, options_.chain_position);
}

void ProxyCall::ForwardOnly(Message request) {
  StartForwarding();
  absl::MutexLock lock(&mutex_);
  if (call_ != nullptr) SendRequest(std::move(request), /*last=*/true);
}

void ProxyCall::StartForwarding() {
  // May call back at once.
  std::shared_ptr<stub::RawCall> call =
      door_->master->StartCall(admission_.target(), door_->connect,
                               context_.method(), options_, shared_from_this());
  absl::MutexLock lock(&mutex_);
  if (end_.has_value()) return;
  if (broken_) call->Cancel();
  call_ = std::move(call);
}

std::string ProxyCall::FindMetadata(const char* key) const {
  const auto it = context_.client_metadata().find(key);
  if (it == context_.client_metadata().end()) return std::string();
  return std::string(it->second.data(), it->second.size());
}

void ProxyCall::StartRead() {
  if (reading_ || client_done_ || finishing_ || end_.has_value()) return;
  reading_ = true;
  ++events_;
  stream_.Read(&request_, &read_);
}

void ProxyCall::OnRead(bool ok) {
  if (one_request_) return OnOnlyRequest(ok);
  Message request;
  if (ok) request = TakeRequest();
  absl::MutexLock lock(&mutex_);
  reading_ = false;
  client_done_ = !ok;
  if (call_ == nullptr) return;
  if (!ok) return call_->CloseSend();
  SendRequest(std::move(request), /*last=*/false);
  if (call_->HasSendRoom()) StartRead();
}

ProxyCall::Message ProxyCall::TakeRequest() {
  Message request{Flatten(request_), false};
  request_.Clear();
  // gRPC has decompressed it, and can't be told not to for the proxy alone; on
  // the way to the context it is to be small again.
  std::string packed;
  if (request_compression_ != stub::Compression::kNone &&
      LastMessageWasCompressed(&context_) &&
      stub::Compress(request_compression_, request.bytes, &packed)) {
    request = {std::move(packed), true};
  }
  return request;
}

void ProxyCall::SendRequest(Message request, bool last) {
  if (request.compressed) {
    call_->SendCompressed(std::move(request.bytes), last);
  } else if (last) {
    call_->SendLast(std::move(request.bytes));
  } else {
    call_->Send(std::move(request.bytes));
  }
}

void ProxyCall::OnOnlyRequest(bool ok) {
  Message request;
  if (ok) request = TakeRequest();
  {
    absl::MutexLock lock(&mutex_);
    reading_ = false;
    client_done_ = true;
  }
  if (!ok) {
    GiveUpTurn();
    return Refuse(absl::InvalidArgumentError(
        absl::StrCat(context_.method(), ": a call without a message")));
  }
  if (!Admit()) return GiveUpTurn();
  if (options_.chain_position.id != 0) {
    ForwardInTurn(std::move(request));
  } else {
    ForwardOnly(std::move(request));
  }
}

void ProxyCall::OnSendRoom() {
  absl::MutexLock lock(&mutex_);
  if (call_ != nullptr) StartRead();
}

void ProxyCall::OnInitialMetadata(stub::MetadataPairs metadata) {
  absl::MutexLock lock(&mutex_);
  for (const auto& pair : metadata) {
    if (IsLegal(pair)) context_.AddInitialMetadata(pair.first, pair.second);
  }
  metadata_due_ = true;
}

void ProxyCall::OnCompression(stub::Compression compression) {
  if ((stub::CompressionBit(compression) & accepted_compressions_) == 0) return;
  absl::MutexLock lock(&mutex_);
  reply_compression_ = compression;
  // gRPC names it in the initial metadata.
  context_.set_compression_algorithm(
      static_cast<grpc_compression_algorithm>(compression));
}

void ProxyCall::OnMessage(std::string message) {
  absl::MutexLock lock(&mutex_);
  messages_.push_back({std::move(message), false});
}

bool ProxyCall::OnCompressedMessage(std::string* message) {
  absl::MutexLock lock(&mutex_);
  if (reply_compression_ == stub::Compression::kNone) return false;
  messages_.push_back({std::move(*message), true});
  return true;
}

void ProxyCall::OnBatchEnd() {
  absl::MutexLock lock(&mutex_);
  WriteNext();
}

void ProxyCall::OnEnd(stub::CallEnd end) {
  absl::MutexLock lock(&mutex_);
  call_ = nullptr;
  if (one_reply_) {
    // Clients do not all notice by themselves.
    if (end.status.ok() && messages_.size() != 1) {
      end.status = absl::InternalError(absl::StrCat(
          "reply to ", context_.method(),
          messages_.empty() ? ": no message" : ": several messages"));
    }
    if (!end.status.ok()) messages_.clear();
  }
  end_ = std::move(end);
  WriteNext();
}

void ProxyCall::WriteNext() {
  if (writing_ || finishing_) return;
  if (broken_) messages_.clear();
  // The only reply goes out with the status, when that says that it counts.
  if (one_reply_ && !end_.has_value() && !messages_.empty()) return;
  if (messages_.empty()) {
    if (end_.has_value()) {
      Finish();
    } else if (metadata_due_) {
      metadata_due_ = false;
      writing_ = true;
      ++events_;
      stream_.SendInitialMetadata(&written_);
    }
    return;
  }
  // Goes out with the first message.
  metadata_due_ = false;
  Message reply = std::move(messages_.front());
  messages_.pop_front();
  writing_bytes_ = reply.bytes.size();
  const bool last = messages_.empty() && end_.has_value();
  // It goes out as it came; gRPC would compress what is not.
  grpc::WriteOptions as_it_is = grpc::WriteOptions().set_no_compression();
  // gRPC may send it together with the next one.
  if (!messages_.empty()) as_it_is.set_buffer_hint();
  const grpc::ByteBuffer buffer =
      reply.compressed ? CompressedBuffer(reply.bytes, reply_compression_)
                       : ToBuffer(std::move(reply.bytes));
  if (last && end_->status.ok()) {
    finishing_ = true;
    ++events_;
    for (const auto& pair : end_->trailing_metadata) {
      if (IsLegal(pair)) context_.AddTrailingMetadata(pair.first, pair.second);
    }
    stream_.WriteAndFinish(buffer, as_it_is, grpc::Status::OK, &finished_);
    return;
  }
  writing_ = true;
  ++events_;
  stream_.Write(buffer, as_it_is, &written_);
}

void ProxyCall::OnWritten(bool ok) {
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok) broken_ = true;
  if (call_ != nullptr && ok && writing_bytes_.has_value()) {
    call_->Consumed(*writing_bytes_);
  }
  writing_bytes_.reset();
  WriteNext();
}

void ProxyCall::Finish() {
  finishing_ = true;
  ++events_;
  for (const auto& pair : end_->trailing_metadata) {
    if (IsLegal(pair)) context_.AddTrailingMetadata(pair.first, pair.second);
  }
  stream_.Finish(StatusOf(end_->status), &finished_);
}

void ProxyCall::OnFinished(bool) {}

void ProxyCall::OnDone(bool) {
  bool held;
  {
    absl::MutexLock lock(&mutex_);
    if (!context_.IsCancelled()) return;
    broken_ = true;
    if (call_ != nullptr) call_->Cancel();
    held = held_;
  }
  // Finish() follows when the master says that the call is over. One that is
  // held is not forwarded when its turn comes, and those before it keep theirs;
  // only the end of the door does not wait for that.
  if (held && door_->gatekeeper->draining()) {
    door_->chains->Expire(chain_key_, options_.chain_position);
  }
}

grpc::Status ProxyCall::StatusOf(const absl::Status& status) const {
  if (status.ok()) return grpc::Status::OK;
  size_t limit = kDefaultMaxTextBytes;
  uint32_t wished = 0;
  if (absl::SimpleAtoi(FindMetadata(kMaxTextKey), &wished)) limit = wished;
  const absl::string_view text = status.message();
  std::string details;
  if (const auto payload = status.GetPayload(stub::kStatusDetailsUrl)) {
    details = std::string(*payload);
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      text.size() <= limit
                          ? std::string(text)
                          : absl::StrCat(text.substr(0, limit), "... (",
                                         text.size(), " bytes)"),
                      details);
}

}  // namespace ramet::server
