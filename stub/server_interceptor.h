#ifndef STUB_SERVER_INTERCEPTOR_H_
#define STUB_SERVER_INTERCEPTOR_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "stub/call_context.h"
#include "stub/service.h"

namespace ramet::stub {

// Runs around the methods of services, on the thread that serves the call: in
// a module (ModuleOptions::interceptors), in a master (MasterOptions::
// interceptors), or of a service that was wrapped by Intercepted(). The four
// kinds of calls are all the same to it.
//
//   class Audit : public ServerInterceptor {
//     absl::Status Serve(const CallContext& context, const Next& next) override
//     {
//       if (context.FindMetadata("x-ticket") == nullptr) {
//         return absl::PermissionDeniedError("no ticket");
//       }
//       const absl::Time start = absl::Now();
//       absl::Status status = next();
//       Log(context.method(), context.caller(), status, absl::Now() - start);
//       context.AddTrailingMetadata("x-audited", "yes");
//       return status;
//     }
//   };
//
// It sees calls that have passed the policy, and whose turn has come. One whose
// answer is out already when its method returns (cancelled, or past its
// deadline) is over for its caller whatever is returned; the context says so.
//
// Threads: several at once.
class ServerInterceptor {
 public:
  virtual ~ServerInterceptor() = default;

  // Serves the call by `next()`, once: the interceptors behind this one, and
  // the method; or refuses it, by a status other than OK, without that. What it
  // returns is the call's status; OK without `next()` is INTERNAL.
  using Next = std::function<absl::Status()>;
  virtual absl::Status Serve(const CallContext& context, const Next& next) = 0;
};

using ServerInterceptors = std::vector<std::shared_ptr<ServerInterceptor>>;

// The same service behind `interceptors`, of which the first is the outermost.
// Without any, the service itself.
std::unique_ptr<Service> Intercepted(std::unique_ptr<Service> service,
                                     ServerInterceptors interceptors);

}  // namespace ramet::stub

#endif  // STUB_SERVER_INTERCEPTOR_H_
