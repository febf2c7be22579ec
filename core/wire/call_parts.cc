#include "core/wire/call_parts.h"

#include <algorithm>

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

bool HasPart(std::string_view payload, PartKind kind) {
  PartReader reader(payload);
  Part part;
  while (reader.Next(&part)) {
    if (part.kind == kind && !(part.flags & kPartContinues)) return true;
  }
  return false;
}

std::string_view CancelPayload() {
  static constexpr char kPayload[kPartHeaderBytes] = {
      static_cast<char>(PartKind::kCancel)};
  return {kPayload, sizeof kPayload};
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

void PartWriter::AddMessage(std::string_view message, bool compressed) {
  char prefix[kMessagePrefixBytes];
  prefix[0] = compressed ? 1 : 0;
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
  AddMessageBytes(message.substr(first));
}

void PartWriter::AddMessageBytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t count = std::min(Room(), bytes.size());
    AddPart(PartKind::kMessage, 0, bytes.substr(0, count));
    bytes.remove_prefix(count);
  }
}

void PartWriter::AddWindow(uint32_t bytes) {
  char credit[4];
  StoreBe32(credit, bytes);
  AddPart(PartKind::kWindow, 0, {credit, sizeof credit});
}

void PartWriter::Flush() {
  if (payload_.empty()) return;
  emit_(payload_);
  payload_.clear();
}

}  // namespace ramet::core
