#ifndef STUB_SERVICE_H_
#define STUB_SERVICE_H_

#include <stddef.h>

#include <string>

#include "absl/status/status.h"
#include "stub/call_context.h"

namespace ramet::stub {

// Who may call a method: ramet.Policy of protos/ramet/options.proto.
enum class Policy : int { kParents = 0, kAny = 1, kSelf = 2 };

struct MethodInfo {
  const char* name;  // "SayHello"
  Policy policy;
};

// What a service is called and what it offers; static data of generated code.
struct ServiceInfo {
  const char* name;  // "demo.v1.Greeter"
  const MethodInfo* methods;
  size_t method_count;
};

// A service that a module serves, as the runtime sees it. Users derive from
// the generated classes, which implement this.
class Service {
 public:
  virtual ~Service() = default;

  virtual const ServiceInfo& RametInfo() const = 0;

  // Serves one call of RametInfo().methods[method]. `reply` gets the serialized
  // reply when the status is OK. Called from several threads at once; the
  // policy was checked before, by the context that the module runs in.
  virtual absl::Status RametCall(size_t method, const CallContext& context,
                                 const std::string& request,
                                 std::string* reply) = 0;
};

}  // namespace ramet::stub

#endif  // STUB_SERVICE_H_
