#ifndef STUB_SERVICE_H_
#define STUB_SERVICE_H_

#include <stddef.h>

#include <string>

#include "absl/status/status.h"
#include "stub/call_context.h"

namespace ramet::stub {

// Who may call a method: ramet.Policy of protos/ramet/options.proto.
enum class Policy : int { kParents = 0, kAny = 1, kSelf = 2 };

// Which side of a method streams.
enum class MethodKind : int {
  kUnary = 0,
  kServerStreaming = 1,
  kClientStreaming = 2,
  kBidiStreaming = 3,
};

// How many calls of a method run at once: ramet.Concurrency.
enum class Concurrency : int { kConcurrent = 0, kSerial = 1 };

struct MethodInfo {
  const char* name;  // "SayHello"
  Policy policy;
  MethodKind kind = MethodKind::kUnary;
  Concurrency concurrency = Concurrency::kConcurrent;
};

// As many calls as wait for a service whose author has not said how many.
inline constexpr size_t kDefaultMaxQueuedCalls = 1024;

// What a service takes: the options of the same names in
// protos/ramet/options.proto.
struct ServiceLimits {
  size_t max_concurrent_calls = 0;  // 0: no limit of its own
  size_t max_queued_calls = kDefaultMaxQueuedCalls;
  size_t max_message_bytes = 0;  // 0: that of the module, or of the master
};

// What a service is called and what it offers; static data of generated code.
struct ServiceInfo {
  const char* name;  // "demo.v1.Greeter"
  const MethodInfo* methods;
  size_t method_count;
  ServiceLimits limits = {};
};

// A streaming call at its method's side, as bytes; ServerReader and the like
// are its typed forms. Valid until the method returns.
//
// Threads: any, at the same time.
class ServerStream {
 public:
  virtual ~ServerStream() = default;

  // Blocks until there is a message. False: no more come, or the call is over
  // (CallContext::is_cancelled() tells which). The caller may send more as its
  // messages are read.
  virtual bool Read(std::string* message) = 0;
  // Blocks while the caller has no room for messages. False: the call is over,
  // by its caller, its deadline or a message above the limit, and no further
  // message will be taken.
  virtual bool Write(std::string message) = 0;
  // Sends what CallContext has; otherwise the first message does. False: the
  // call is over.
  virtual bool SendInitialMetadata() = 0;
};

// A service that a module serves, as the runtime sees it. Users derive from
// the generated classes, which implement this.
class Service {
 public:
  virtual ~Service() = default;

  virtual const ServiceInfo& RametInfo() const = 0;

  // Serves one call of RametInfo().methods[method], a unary one. `reply` gets
  // the serialized reply when the status is OK. Called from several threads at
  // once; the policy was checked before, by the context that the module runs
  // in.
  virtual absl::Status RametCall(size_t method, const CallContext& context,
                                 const std::string& request,
                                 std::string* reply) = 0;

  // Serves one call of a method of another kind, on a thread of its own. What
  // it returns ends the call, behind the messages that were written.
  virtual absl::Status RametStream(size_t method, const CallContext& context,
                                   ServerStream* stream);
};

}  // namespace ramet::stub

#endif  // STUB_SERVICE_H_
