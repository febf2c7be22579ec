#ifndef STUB_CHANNEL_H_
#define STUB_CHANNEL_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "stub/call_options.h"
#include "stub/raw_call.h"

namespace ramet::stub {

// The way from stubs to one context, as bytes. Implemented by the in-process
// master and by a client of the front door; users hold it in a Context.
//
// Threads: any, at the same time.
class Channel {
 public:
  // Gets the serialized reply, or why there is none.
  using DoneCallback = std::function<void(absl::StatusOr<std::string>)>;

  virtual ~Channel() = default;

  // Starts a unary call of `method` ("/demo.v1.Greeter/SayHello") with a
  // serialized request. Never blocks.
  //
  // `done` runs exactly once, whatever happens, on the channel's own thread or
  // in this call, and must not block: the whole channel would stand still.
  //
  // Errors are the callee's, or the tree's: UNAVAILABLE (a hop, or the module,
  // is lost; the text names it; safe to repeat only for idempotent methods),
  // DEADLINE_EXCEEDED, UNIMPLEMENTED (no such service or method), and
  // RESOURCE_EXHAUSTED (a message is longer than the limit).
  virtual void StartUnary(std::string method, std::string request,
                          const CallOptions& options, DoneCallback done) = 0;

  // Starts a call of any kind. Never blocks; `listener` is told everything,
  // errors at the start too. The errors of StartUnary().
  virtual std::shared_ptr<RawCall> StartCall(
      std::string method, const CallOptions& options,
      std::shared_ptr<RawCallListener> listener) = 0;

  // Calls are begun in the order in which they were started, and carry
  // CallOptions::chain_position: what a CallChain needs.
  virtual bool keeps_order() const { return false; }

  // StartUnary(), blocking. Never call it on the channel's own thread.
  virtual absl::StatusOr<std::string> CallUnary(std::string method,
                                                std::string request,
                                                const CallOptions& options);
};

}  // namespace ramet::stub

#endif  // STUB_CHANNEL_H_
