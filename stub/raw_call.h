#ifndef STUB_RAW_CALL_H_
#define STUB_RAW_CALL_H_

#include <stddef.h>

#include <string>

#include "absl/status/status.h"
#include "stub/compression.h"
#include "stub/metadata.h"

namespace ramet::stub {

// How a call ended.
struct CallEnd {
  // The callee's, or the tree's. google.rpc.Status details are in the payload
  // kStatusDetailsUrl (stub/status_bridge.h).
  absl::Status status;
  MetadataPairs trailing_metadata;
};

// What one call gives its caller. In this order: initial metadata, when there
// is any; messages; the end, once, and nothing after it.
//
// Threads: the channel's own, one callback at a time; none may block. The end
//   may come within the call that starts it.
// Ownership: the call shares it until the end.
class RawCallListener {
 public:
  virtual ~RawCallListener() = default;

  // Messages may come compressed; before everything else.
  virtual void OnCompression(Compression) {}
  virtual void OnInitialMetadata(MetadataPairs) {}
  // A whole message. The callee may send more when the caller has said
  // RawCall::Consumed() for those it has: until then the listener holds them,
  // at most core::kInitialWindowBytes and one message.
  virtual void OnMessage(std::string message) = 0;
  // A message that came compressed. True: taken as it is, instead of
  // OnMessage(). False: it is left alone, and comes decompressed.
  virtual bool OnCompressedMessage(std::string*) { return false; }
  // What came together was given: who collects messages passes them on now. Not
  // after the end.
  virtual void OnBatchEnd() {}
  // RawCall::HasSendRoom() is true again after it was false.
  virtual void OnSendRoom() {}
  virtual void OnEnd(CallEnd end) = 0;
};

// One call as bytes, of any kind: messages in both directions, as many as the
// method takes.
//
// Threads: any, at the same time. Nothing blocks.
// Ownership: whoever started it; dropping it does not end the call.
class RawCall {
 public:
  // Above this many bytes that the callee has no room for yet, a sender waits
  // for OnSendRoom(). What is sent all the same is kept.
  static constexpr size_t kSendRoomBytes = 256 * 1024;

  virtual ~RawCall() = default;

  // Sends a message behind those before it. Without effect after CloseSend()
  // and after the end.
  virtual void Send(std::string message) = 0;
  // No more messages come. Not needed after the end.
  virtual void CloseSend() = 0;
  // Both.
  virtual void SendLast(std::string message) {
    Send(std::move(message));
    CloseSend();
  }
  // Send() or SendLast() of a message that is compressed already, with
  // CallOptions::compression: for proxies. A channel that can't ends the call.
  virtual void SendCompressed(std::string, bool) { Cancel(); }
  // Less than kSendRoomBytes are waiting.
  virtual bool HasSendRoom() const = 0;

  // The caller has done with a message of `message_bytes` bytes from
  // OnMessage().
  virtual void Consumed(size_t message_bytes) = 0;

  // Ends the call with CANCELLED, which the callee is told. Without effect
  // after the end.
  virtual void Cancel() = 0;
};

}  // namespace ramet::stub

#endif  // STUB_RAW_CALL_H_
