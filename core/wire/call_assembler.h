#ifndef CORE_WIRE_CALL_ASSEMBLER_H_
#define CORE_WIRE_CALL_ASSEMBLER_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/wire/call_parts.h"
#include "core/wire/receive_window.h"

namespace ramet::core {

// Puts the parts of one direction of a call together again, and counts what the
// peer may still send. CallSender is the other end.
//
// Pure. Memory: what ReceiveWindow allows, and kMaxHeadersBytes.
class CallAssembler {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void OnHeaders(std::string bytes) = 0;
    virtual void OnMessage(std::string message) = 0;
    // A message whose prefix says that it is compressed, as it came, with the
    // encoding that the headers name. A status other than OK is Feed()'s. By
    // default UNIMPLEMENTED.
    virtual Status OnCompressedMessage(std::string message);
    virtual void OnEnd() = 0;
    virtual void OnTrailers(std::string bytes) = 0;
    virtual void OnCancel() = 0;
    // The peer takes that many more bytes of messages.
    virtual void OnWindow(uint32_t bytes) = 0;
  };

  explicit CallAssembler(size_t max_message_bytes = kDefaultMaxMessageBytes,
                         uint64_t window_bytes = kInitialWindowBytes)
      : max_message_bytes_(max_message_bytes), window_(window_bytes) {}

  // Feeds one frame's payload. RESOURCE_EXHAUSTED: a message or the headers
  // are longer than allowed (the text has both numbers), or more came than was
  // granted. INTERNAL: the bytes are no parts or messages. Any other: what the
  // sink says to a compressed message. After an error the assembler takes
  // nothing more.
  Status Feed(std::string_view payload, Sink* sink);

  // The user has done with a message of that size; who never says so gets
  // kInitialWindowBytes and a last message, and then no more.
  void OnConsumed(size_t message_bytes) {
    window_.OnConsumed(kMessagePrefixBytes + message_bytes);
  }
  // Credit that the peer should be sent now, after Feed() and OnConsumed(); 0:
  // none.
  uint32_t TakeGrant() { return window_.TakeGrant(); }

 private:
  Status FeedMessageBytes(std::string_view bytes, Sink* sink);

  const size_t max_message_bytes_;
  ReceiveWindow window_;
  std::string headers_;
  std::string trailers_;
  // The message at hand, from its prefix on.
  std::string prefix_;
  std::string message_;
  uint32_t message_bytes_ = 0;
};

}  // namespace ramet::core

#endif  // CORE_WIRE_CALL_ASSEMBLER_H_
