#ifndef CORE_WIRE_CALL_SENDER_H_
#define CORE_WIRE_CALL_SENDER_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>
#include <utility>

#include "core/wire/call_parts.h"

namespace ramet::core {

// One direction of a call on its way out: HEADERS, messages as far as the
// receiver's credit goes, and END or TRAILERS behind the last of them.
// CallAssembler is the other end.
//
// Pure; `emit` gets each payload when it is full, and the rest at Flush().
// Memory: messages that wait for credit are copied and kept; how many of them
// is the user's affair (waiting_bytes()).
class CallSender {
 public:
  explicit CallSender(PartWriter::Emit emit) : writer_(std::move(emit)) {}

  // Credit is there from the beginning; a caller that can't send yet begins
  // with 0 and gives it later by AddCredit().
  CallSender(PartWriter::Emit emit, uint32_t credit)
      : writer_(std::move(emit)), credit_(credit) {}

  // At once, without credit: before any message.
  void SendHeaders(std::string_view bytes) { writer_.AddHeaders(bytes); }
  // Of at most 4 GiB - 1 bytes; see PartWriter::AddMessage().
  void SendMessage(std::string_view message, bool compressed = false);
  // No more messages come: the caller's END, the callee's TRAILERS.
  void SendEnd() { Finish(Ending::kEnd, {}); }
  void SendTrailers(std::string bytes) {
    Finish(Ending::kTrailers, std::move(bytes));
  }

  // Both may overtake messages, and need no credit.
  void SendWindow(uint32_t bytes) { writer_.AddWindow(bytes); }
  void SendCancel() { writer_.AddCancel(); }

  // Sends what waited for it.
  void AddCredit(uint32_t bytes);

  void Flush() { writer_.Flush(); }

  // Of messages, prefixes included, that wait for credit.
  size_t waiting_bytes() const { return waiting_.size() - sent_; }
  // Everything is out, the end included.
  bool finished() const { return ending_ == Ending::kSent; }

 private:
  enum class Ending { kOpen, kEnd, kTrailers, kSent };

  void Finish(Ending ending, std::string trailers);
  void SendWaiting();

  PartWriter writer_;
  // Never near its end: a peer that grants more than it could take is its own
  // loss.
  uint64_t credit_ = kInitialWindowBytes;
  std::string waiting_;  // of the message stream
  size_t sent_ = 0;      // of waiting_
  Ending ending_ = Ending::kOpen;
  std::string trailers_;
};

}  // namespace ramet::core

#endif  // CORE_WIRE_CALL_SENDER_H_
