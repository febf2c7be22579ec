#ifndef STUB_CLIENT_INTERCEPTOR_H_
#define STUB_CLIENT_INTERCEPTOR_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "stub/call_options.h"
#include "stub/context.h"

namespace ramet::stub {

// A call that is about to start, for interceptors. Valid while they run.
class StartingCall {
 public:
  // How it ended, and how long it took from here.
  using OverCallback =
      std::function<void(const absl::Status& status, absl::Duration duration)>;

  StartingCall(const std::string& method, CallOptions* options)
      : method_(method), options_(options) {}

  // "/demo.v1.Greeter/SayHello".
  const std::string& method() const { return method_; }
  // What an interceptor changes counts: for the ones behind it, and for the
  // call. Limits of requests have been checked before.
  CallOptions& options() const { return *options_; }
  // Runs `over` once, whatever becomes of the call; with a channel's thread, or
  // before the call has started, so it must not block.
  void WhenOver(OverCallback over) { over_.push_back(std::move(over)); }

  // For the channel.
  std::vector<OverCallback> TakeOver() { return std::move(over_); }

 private:
  const std::string& method_;
  CallOptions* const options_;
  std::vector<OverCallback> over_;
};

// Sees the calls that are made through a context before they start: of all four
// kinds, blocking and asynchronous.
//
//   class Stopwatch : public ClientInterceptor {
//     absl::Status OnStart(StartingCall* call) override {
//       call->WhenOver([method = call->method()](auto& status, auto duration) {
//         Log(method, status, duration);
//       });
//       return absl::OkStatus();
//     }
//   };
//   GreeterStub greeter(Intercepted(web1, {std::make_shared<Stopwatch>()}));
//
// Threads: whichever starts calls, at the same time. It must not block, and not
//   make calls of the chain that the call belongs to.
class ClientInterceptor {
 public:
  virtual ~ClientInterceptor() = default;

  // Anything but OK ends the call with that status; it isn't sent, and
  // interceptors behind this one do not see it.
  virtual absl::Status OnStart(StartingCall* call) = 0;
};

using ClientInterceptors = std::vector<std::shared_ptr<ClientInterceptor>>;

// The same context, whose calls `interceptors` see, the first one first, before
// those that it has already. Costs one allocation and two virtual calls for
// each call; a context without interceptors costs nothing.
//
// Calls end, in addition to what they end with otherwise, with INVALID_ARGUMENT
// for metadata of interceptors that CheckMetadata() refuses.
Context Intercepted(const Context& context, ClientInterceptors interceptors);

// Adds pairs to the metadata of each call, unless it has their key already.
std::shared_ptr<ClientInterceptor> AddMetadata(MetadataPairs pairs);

}  // namespace ramet::stub

#endif  // STUB_CLIENT_INTERCEPTOR_H_
