#ifndef SERVER_MODULE_POLICY_H_
#define SERVER_MODULE_POLICY_H_

#include <stddef.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ramet/v1/module_policy.pb.h"
#include "server/minisign.h"

namespace ramet::server {

// What rules know a module by.
struct PolicySubject {
  std::string name;
  std::string digest;               // its bundle's, 32 bytes
  std::vector<std::string> images;  // importer::ImageText of each of them
  // importer::kKeyPrefix and the key in hex that has signed its statement, of
  // those that rules name; empty: none has.
  std::string signer = {};
};

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

  // One more rule. INVALID_ARGUMENT: it can't be what it says.
  absl::Status Add(v1::ModuleRule rule);

  // Those that rules name.
  const std::vector<MinisignKey>& keys() const { return keys_; }

  // PERMISSION_DENIED: a context called `target` may not get the module; the
  // text names both, its digest and the rule. A bundle is allowed, or denied,
  // by any of its images: which one a context gets is known to that only.
  absl::Status Check(const PolicySubject& module,
                     std::string_view target) const;

  // PERMISSION_DENIED: a rule for all contexts allows nothing but what certain
  // keys have signed, and none of them this module: nobody could get it.
  absl::Status CheckSigned(const PolicySubject& module) const;

  // What a context called `target` that is started now holds for its life
  // (importer/module_locks.h), `loaded` being what is loaded.
  std::vector<std::string> Locks(const std::vector<PolicySubject>& loaded,
                                 std::string_view target) const;

 private:
  // Its patterns of keys are as in locks.
  v1::ModulePolicyFile file_;
  std::vector<MinisignKey> keys_;
};

}  // namespace ramet::server

#endif  // SERVER_MODULE_POLICY_H_
