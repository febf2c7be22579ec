#ifndef SERVER_HOSTED_DIRECTORY_H_
#define SERVER_HOSTED_DIRECTORY_H_

#include <stdint.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "stub/service.h"

namespace ramet::server {

// What the services of a master are called and offer: what others than its
// loop must know of them. Threads: any.
class HostedDirectory {
 public:
  // `info` outlives the directory.
  void Add(const stub::ServiceInfo& info) ABSL_LOCKS_EXCLUDED(mutex_);

  // Their names, sorted.
  std::vector<std::string> services() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool Has(std::string_view service) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Of "/demo.v1.Greeter/SayHello"; nothing: there is no such method.
  std::optional<stub::MethodKind> KindOf(std::string_view method) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Changes with each service.
  uint64_t generation() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, const stub::ServiceInfo*, std::less<>> services_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace ramet::server

#endif  // SERVER_HOSTED_DIRECTORY_H_
