#include "core/wire/call_parts.h"

#include <algorithm>

#include "core/base/strings.h"
#include "core/wire/big_endian.h"

namespace ramet::core {

bool PartReader::Next(Part* part) {
  if (rest_.empty()) return false;
  if (rest_.size() < kPartHeaderBytes) {
    malformed_ = true;
    return false;
  }
  const size_t length = LoadBe16(rest_.data() + 2);
  if (rest_.size() - kPartHeaderBytes < length) {
    malformed_ = true;
    return false;
  }
  const uint8_t kind = static_cast<uint8_t>(rest_[0]);
  if (kind < static_cast<uint8_t>(PartKind::kHeaders) ||
      kind > static_cast<uint8_t>(PartKind::kWindow)) {
    malformed_ = true;
    return false;
  }
  part->kind = static_cast<PartKind>(kind);
  part->flags = static_cast<uint8_t>(rest_[1]);
  part->bytes = rest_.substr(kPartHeaderBytes, length);
  rest_.remove_prefix(kPartHeaderBytes + length);
  return true;
}

size_t PartWriter::Room() {
  // A part of a few bytes at the end of a payload is not worth its header.
  constexpr size_t kSmallestUsefulPart = 16;
  if (payload_.size() + kPartHeaderBytes + kSmallestUsefulPart >
      kMaxPayloadBytes) {
    Flush();
  }
  return std::min(kMaxPayloadBytes - payload_.size() - kPartHeaderBytes,
                  kMaxPartBytes);
}

void PartWriter::AddPart(PartKind kind, uint8_t flags, std::string_view bytes) {
  Room();
  char header[kPartHeaderBytes];
  header[0] = static_cast<char>(kind);
  header[1] = static_cast<char>(flags);
  StoreBe16(header + 2, static_cast<uint16_t>(bytes.size()));
  payload_.append(header, sizeof header);
  payload_.append(bytes);
}

void PartWriter::AddWhole(PartKind kind, std::string_view bytes) {
  do {
    const size_t count = std::min(Room(), bytes.size());
    const bool last = count == bytes.size();
    AddPart(kind, last ? 0 : kPartContinues, bytes.substr(0, count));
    bytes.remove_prefix(count);
  } while (!bytes.empty());
}

void PartWriter::AddMessage(std::string_view message) {
  char prefix[kMessagePrefixBytes];
  prefix[0] = 0;
  StoreBe32(prefix + 1, static_cast<uint32_t>(message.size()));
  // The prefix and the message's beginning share a part.
  const size_t first = std::min(Room() - sizeof prefix, message.size());
  char header[kPartHeaderBytes];
  header[0] = static_cast<char>(PartKind::kMessage);
  header[1] = 0;
  StoreBe16(header + 2, static_cast<uint16_t>(sizeof prefix + first));
  payload_.append(header, sizeof header);
  payload_.append(prefix, sizeof prefix);
  payload_.append(message.substr(0, first));
  message.remove_prefix(first);
  while (!message.empty()) {
    const size_t count = std::min(Room(), message.size());
    AddPart(PartKind::kMessage, 0, message.substr(0, count));
    message.remove_prefix(count);
  }
}

void PartWriter::Flush() {
  if (payload_.empty()) return;
  emit_(payload_);
  payload_.clear();
}

namespace {

Status AddToWhole(std::string_view bytes, std::string* whole) {
  if (whole->size() + bytes.size() > kMaxHeadersBytes) {
    return Error(Code::kResourceExhausted, {"headers or trailers longer than ",
                                            kMaxHeadersBytes, " bytes"});
  }
  whole->append(bytes);
  return Status();
}

}  // namespace

Status CallAssembler::Feed(std::string_view payload, Sink* sink) {
  PartReader reader(payload);
  Part part;
  while (reader.Next(&part)) {
    switch (part.kind) {
      case PartKind::kHeaders:
      case PartKind::kTrailers: {
        const bool headers = part.kind == PartKind::kHeaders;
        std::string& whole = headers ? headers_ : trailers_;
        Status status = AddToWhole(part.bytes, &whole);
        if (!status.ok()) return status;
        if (part.flags & kPartContinues) break;
        std::string bytes;
        bytes.swap(whole);
        if (headers) {
          sink->OnHeaders(std::move(bytes));
        } else {
          sink->OnTrailers(std::move(bytes));
        }
        break;
      }
      case PartKind::kMessage: {
        Status status = FeedMessageBytes(part.bytes, sink);
        if (!status.ok()) return status;
        break;
      }
      case PartKind::kEnd:
        sink->OnEnd();
        break;
      case PartKind::kCancel:
        sink->OnCancel();
        break;
      case PartKind::kWindow:
        break;
    }
  }
  if (reader.malformed()) {
    return Status(Code::kInternal, "malformed call frame");
  }
  return Status();
}

Status CallAssembler::FeedMessageBytes(std::string_view bytes, Sink* sink) {
  while (!bytes.empty()) {
    if (prefix_.size() < kMessagePrefixBytes) {
      const size_t count =
          std::min(kMessagePrefixBytes - prefix_.size(), bytes.size());
      prefix_.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
      if (prefix_.size() < kMessagePrefixBytes) return Status();
      if (prefix_[0] != 0) {
        return Status(Code::kUnimplemented,
                      "compressed messages are not supported");
      }
      message_bytes_ = LoadBe32(prefix_.data() + 1);
      if (message_bytes_ > max_message_bytes_) {
        return Error(Code::kResourceExhausted,
                     {"message of ", message_bytes_,
                      " bytes is longer than the limit of ", max_message_bytes_,
                      " bytes"});
      }
      // Memory that the peer only announced is not touched.
      message_.reserve(message_bytes_);
    }
    const size_t count =
        std::min<size_t>(message_bytes_ - message_.size(), bytes.size());
    message_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (message_.size() < message_bytes_) return Status();
    prefix_.clear();
    std::string message;
    message.swap(message_);
    sink->OnMessage(std::move(message));
  }
  return Status();
}

}  // namespace ramet::core
