#ifndef CORE_WIRE_RECEIVE_WINDOW_H_
#define CORE_WIRE_RECEIVE_WINDOW_H_

#include <stdint.h>

#include <algorithm>

#include "core/wire/call_parts.h"

namespace ramet::core {

// What the receiver of one direction of a call lets its peer send: the message
// bytes that it holds and has not handed to its user are never more than
// kInitialWindowBytes and one message beside them. The message that is being
// put together may be larger than the window: its own size is granted as soon
// as it is known, because nobody can take a message in halves.
//
// Counts the message stream's bytes, prefixes included. Pure.
class ReceiveWindow {
 public:
  // `window_bytes`, at least kInitialWindowBytes: more for a peer that sends
  // one answer of known size without looking at its credit.
  explicit ReceiveWindow(uint64_t window_bytes) : granted_(window_bytes) {}

  // `count` bytes have come. False: they are more than was granted, and the
  // peer breaks the protocol.
  bool OnReceived(uint64_t count) {
    received_ += count;
    return received_ <= granted_;
  }
  // A message of `total` bytes, prefix included, is being put together, of
  // which `missing` have not come; both 0: none is.
  void ExpectMessage(uint64_t total, uint64_t missing) {
    expected_ = total;
    missing_ = missing;
  }
  // The user took a message of `count` bytes, prefix included.
  void OnConsumed(uint64_t count) { consumed_ += count; }

  // Credit to send to the peer now; 0: none, or not worth a frame yet.
  uint32_t TakeGrant() {
    // Less often would let a fast sender run dry, more often costs frames.
    constexpr uint64_t kWorthAFrameBytes = kInitialWindowBytes / 4;
    const uint64_t want = consumed_ + kInitialWindowBytes + expected_;
    const bool stuck = received_ + missing_ > granted_;
    if (want <= granted_ || (!stuck && want - granted_ < kWorthAFrameBytes)) {
      return 0;
    }
    const uint64_t grant = std::min<uint64_t>(want - granted_, UINT32_MAX);
    granted_ += grant;
    return static_cast<uint32_t>(grant);
  }

 private:
  uint64_t received_ = 0;
  uint64_t consumed_ = 0;
  uint64_t expected_ = 0;  // of the message at hand
  uint64_t missing_ = 0;   // of it
  uint64_t granted_;
};

}  // namespace ramet::core

#endif  // CORE_WIRE_RECEIVE_WINDOW_H_
