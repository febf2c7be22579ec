#ifndef CORE_WIRE_FRAME_HEADER_H_
#define CORE_WIRE_FRAME_HEADER_H_

#include <stddef.h>
#include <stdint.h>

#include <string>

namespace ramet::core {

// The fixed header of every frame, and the limits that go with it.
// docs/wire_format.md is the byte-exact specification.

inline constexpr uint16_t kFrameMagic = 0x524D;  // "RM"
inline constexpr uint8_t kProtocolVersion = 1;
inline constexpr size_t kFrameHeaderBytes = 28;

// Larger messages travel as several frames, so that a bulk transfer never
// keeps a small call waiting for longer than one frame takes.
inline constexpr size_t kMaxPayloadBytes = 64 * 1024;

// Context ids. The master is always 0.
using ContextId = uint32_t;
inline constexpr ContextId kMasterId = 0;
// Never granted: a context that doesn't know yet who it is.
inline constexpr ContextId kUnknownId = 0xFFFFFFFF;

// Handles within a context. Below kFirstDynamicHandle they are the standard
// ones, the same in every context; from there on they are made by
// HandleTable, one for each reply somebody waits for.
using HandleId = uint32_t;
enum StandardHandle : HandleId {
  kNoHandle = 0,
  kHello = 1,
  kGetModule = 2,
  kLoadModule = 3,
  kForwardModule = 4,
  kCallFunction = 5,
  kForwardLog = 6,
  kAddRoute = 7,
  kDelRoute = 8,
  kAllocateId = 9,
  kShutdown = 10,
  kDetaching = 11,
  kPing = 12,
  kStandardHandleCount = 13,
};
inline constexpr HandleId kFirstDynamicHandle = 1000;

enum FrameFlag : uint8_t {
  kFlagPriority = 1 << 0,    // control: goes ahead of data in queues
  kFlagCompressed = 1 << 1,  // reserved for compressed payloads; refused now
  kFlagDead = 1 << 2,        // the answer will never come; payload: Dead
  kKnownFlags = kFlagPriority | kFlagDead,
};

struct FrameHeader {
  uint8_t flags = 0;
  ContextId dst_id = 0;
  ContextId src_id = 0;
  ContextId auth_id = 0;  // under whose authority the frame acts
  HandleId handle = kNoHandle;
  HandleId reply_to = kNoHandle;
  uint32_t length = 0;  // payload bytes, at most kMaxPayloadBytes

  bool dead() const { return flags & kFlagDead; }

  // Writes exactly kFrameHeaderBytes to `out`.
  void Serialize(char* out) const;

  enum class ParseResult {
    kOk,
    kBadMagic,    // not a frame: the stream is corrupt
    kBadVersion,  // a peer of another protocol version
    kBadFlags,    // flags that this version does not define
    kTooLong,     // length above kMaxPayloadBytes
  };
  // Reads exactly kFrameHeaderBytes from `in`. Pure; any result but kOk is a
  // protocol violation that costs the peer its link.
  static ParseResult Parse(const char* in, FrameHeader* header);

  // "7->3 auth 0 handle 5 reply_to 1001 flags 0 length 42"
  std::string ToString() const;

  friend bool operator==(const FrameHeader& a, const FrameHeader& b) {
    return a.flags == b.flags && a.dst_id == b.dst_id && a.src_id == b.src_id &&
           a.auth_id == b.auth_id && a.handle == b.handle &&
           a.reply_to == b.reply_to && a.length == b.length;
  }
};

const char* ParseResultText(FrameHeader::ParseResult result);

// What identifies a call at its callee: the caller, and the handle that it
// waits on.
inline uint64_t CallKey(ContextId caller, HandleId reply_to) {
  return static_cast<uint64_t>(caller) << 32 | reply_to;
}

}  // namespace ramet::core

#endif  // CORE_WIRE_FRAME_HEADER_H_
