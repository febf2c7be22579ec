#ifndef CORE_WIRE_CALL_PARTS_H_
#define CORE_WIRE_CALL_PARTS_H_

#include <stdint.h>

#include <functional>
#include <string>
#include <string_view>

#include "core/wire/frame_header.h"

namespace ramet::core {

// The payload of a call's frames: a sequence of parts, each
//
//   kind (1) · flags (1) · length (2, big-endian) · that many bytes
//
// A call is HEADERS MESSAGE* END, answered by MESSAGE* TRAILERS. MESSAGE parts
// of one direction form one byte stream of messages in gRPC's length-prefixed
// form (compressed flag, 4-byte length; PROTOCOL-HTTP2.md of gRPC), cut
// anywhere; HEADERS and TRAILERS that do not fit one part go on in the next
// one of their kind. See docs/wire_format.md.

enum class PartKind : uint8_t {
  kHeaders = 1,   // CallHeaders (protos/ramet/control.proto)
  kMessage = 2,   // bytes of the message stream
  kEnd = 3,       // the caller sends no more messages
  kTrailers = 4,  // CallTrailers: the call is over
  kCancel = 5,    // the caller wants no answer any more
  kWindow = 6,    // that many more message bytes may come; 4 bytes
};

enum PartFlag : uint8_t {
  kPartContinues = 1 << 0,  // the next part of this kind belongs to it
};

inline constexpr size_t kPartHeaderBytes = 4;
inline constexpr size_t kMaxPartBytes = 0xFFFF;
inline constexpr size_t kMessagePrefixBytes = 5;

// gRPC's default: a longer message is refused with RESOURCE_EXHAUSTED.
inline constexpr size_t kDefaultMaxMessageBytes = 4 * 1024 * 1024;
// Bytes of the message stream, prefixes included, that each side of a call may
// send before it is given WINDOW: the most that one direction of one call can
// lie about at any hop and at a receiver that does not read. It holds small
// messages for a long way and a medium one whole.
inline constexpr uint32_t kInitialWindowBytes = 256 * 1024;
// Headers and trailers: room for an error text of 1 MiB and its details.
inline constexpr size_t kMaxHeadersBytes = 4 * 1024 * 1024;

struct Part {
  PartKind kind = PartKind::kEnd;
  uint8_t flags = 0;
  std::string_view bytes;  // into the payload
};

// Walks over the parts of one payload without copying.
class PartReader {
 public:
  explicit PartReader(std::string_view payload) : rest_(payload) {}

  // False at the end, and at bytes that are not a part (see malformed()).
  bool Next(Part* part);
  bool malformed() const { return malformed_; }

 private:
  std::string_view rest_;
  bool malformed_ = false;
};

// Whether a payload has a part of this kind, or its last piece.
bool HasPart(std::string_view payload, PartKind kind);

// A payload with one part, CANCEL.
std::string_view CancelPayload();

// Cuts one direction of a call into payloads of at most kMaxPayloadBytes.
// `emit` gets each payload when it is full and at Flush().
class PartWriter {
 public:
  using Emit = std::function<void(std::string_view payload)>;

  explicit PartWriter(Emit emit) : emit_(std::move(emit)) {}

  void AddHeaders(std::string_view bytes) {
    AddWhole(PartKind::kHeaders, bytes);
  }
  void AddTrailers(std::string_view bytes) {
    AddWhole(PartKind::kTrailers, bytes);
  }
  // One message of the message stream, of at most 4 GiB - 1 bytes.
  // `compressed`: its bytes are, with the encoding that the headers name.
  void AddMessage(std::string_view message, bool compressed = false);
  // Bytes of the message stream, wherever its messages begin.
  void AddMessageBytes(std::string_view bytes);
  void AddEnd() { AddPart(PartKind::kEnd, 0, {}); }
  void AddCancel() { AddPart(PartKind::kCancel, 0, {}); }
  void AddWindow(uint32_t bytes);
  void Flush();

 private:
  void AddWhole(PartKind kind, std::string_view bytes);
  void AddPart(PartKind kind, uint8_t flags, std::string_view bytes);
  // Bytes that a part can hold in the payload at hand; flushes a full one.
  size_t Room();

  const Emit emit_;
  std::string payload_;
};

}  // namespace ramet::core

#endif  // CORE_WIRE_CALL_PARTS_H_
