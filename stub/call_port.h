#ifndef STUB_CALL_PORT_H_
#define STUB_CALL_PORT_H_

#include <stddef.h>

#include "stub/byte_budget.h"

namespace ramet::stub {

class CallOrigin;
class ServedCall;

// What a served call needs of the runtime that serves it.
//
// Threads: any.
class CallPort {
 public:
  // Bytes of messages that came and that no method has taken: beyond them the
  // call that a message belongs to is RESOURCE_EXHAUSTED. The window of a call
  // alone would let all open calls together fill 4 GiB.
  static constexpr size_t kMaxHeldBytes = 256 * 1024 * 1024;
  // Bytes of replies whose callers take them slowly or not at all: beyond them
  // a reply that doesn't fit its caller's window is RESOURCE_EXHAUSTED.
  static constexpr size_t kMaxUnsentBytes = 256 * 1024 * 1024;
  // The part of each for callers that are not above the module's context.
  static constexpr size_t kMaxForeignBytes = 64 * 1024 * 1024;

  virtual ~CallPort() = default;

  // Sends what the call has to send, on a thread that may block: in a method.
  virtual void SendFrames(ServedCall* call) = 0;

  // Where the method's own calls start; null: it can make none.
  virtual CallOrigin* origin() { return nullptr; }

  ByteBudget& held() { return held_; }
  ByteBudget& unsent() { return unsent_; }

 private:
  ByteBudget held_{kMaxHeldBytes, kMaxForeignBytes};
  ByteBudget unsent_{kMaxUnsentBytes, kMaxForeignBytes};
};

}  // namespace ramet::stub

#endif  // STUB_CALL_PORT_H_
