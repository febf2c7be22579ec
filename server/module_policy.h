#ifndef SERVER_MODULE_POLICY_H_
#define SERVER_MODULE_POLICY_H_

#include <stddef.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ramet/v1/module_policy.pb.h"

namespace ramet::server {

// Which modules a context may get: module_policy.proto. A value type; without
// rules everything is allowed.
class ModulePolicy {
 public:
  static constexpr size_t kMaxFileBytes = 1024 * 1024;

  ModulePolicy() = default;
  // INVALID_ARGUMENT, with the place.
  static absl::StatusOr<ModulePolicy> Parse(const std::string& text,
                                            const std::string& origin);
  // ReadConfigFile's errors, too.
  static absl::StatusOr<ModulePolicy> LoadFile(const std::string& path);

  void Add(v1::ModuleRule rule) { *file_.add_rule() = std::move(rule); }

  // PERMISSION_DENIED: a context called `target` may not get the module called
  // `name` in the bundle of `digest` (32 bytes); the text names all three and
  // the rule.
  absl::Status Check(const std::string& name, std::string_view digest,
                     std::string_view target) const;

 private:
  v1::ModulePolicyFile file_;
};

}  // namespace ramet::server

#endif  // SERVER_MODULE_POLICY_H_
