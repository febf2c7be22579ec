#include "server/ssh/host_key_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/wire/control.h"

namespace ramet::server {
namespace {

// Of libssh2 1.10, best first; ssh-rsa (SHA-1) is left to servers that have
// nothing else, and to configurations that ask for it.
const char* const kServedTypes[] = {"ssh-ed25519", "ecdsa-sha2-nistp256",
                                    "ecdsa-sha2-nistp384",
                                    "ecdsa-sha2-nistp521"};

bool IsServed(const std::string& type) {
  return std::find(std::begin(kServedTypes), std::end(kServedTypes), type) !=
         std::end(kServedTypes);
}

void Prefer(const std::string& type, std::vector<std::string>* types) {
  const auto at = std::find(types->begin(), types->end(), type);
  if (at != types->end()) types->erase(at);
  types->insert(types->begin(), type);
}

}  // namespace

HostKeyCheck::HostKeyCheck(const SshConfig& config)
    : config_(config),
      name_(config.host_key_alias.empty()
                ? KnownHosts::HostName(config.hostname, config.port)
                : KnownHosts::HostName(config.host_key_alias, 22)) {
  if (config.host_key_check == core::SshOptions::kOff) return;
  for (const std::string& file : config.user_known_hosts) {
    known_hosts_.AddFile(file);
  }
  for (const std::string& file : config.global_known_hosts) {
    known_hosts_.AddFile(file);
  }
}

std::string HostKeyCheck::Unserved() const {
  const std::vector<std::string> known = known_hosts_.KeyTypes(name_);
  if (std::any_of(known.begin(), known.end(), IsServed)) return "";
  if (!known.empty()) {
    return "the types of key by which " + name_ + " is known (" +
           absl::StrJoin(known, ", ") + ")";
  }
  if (known_hosts_.HasAuthority(name_)) return "host certificates";
  return "";
}

std::vector<std::string> HostKeyCheck::PreferredTypes() const {
  std::vector<std::string> types;
  for (const std::string& type : config_.host_key_algorithms) {
    if (IsServed(type) || type == "ssh-rsa") types.push_back(type);
  }
  if (config_.host_key_algorithms.empty()) {
    types.assign(std::begin(kServedTypes), std::end(kServedTypes));
  }
  std::vector<std::string> known = known_hosts_.KeyTypes(name_);
  std::reverse(known.begin(), known.end());
  for (const std::string& type : known) {
    if (IsServed(type)) Prefer(type, &types);
  }
  return types;
}

core::Status HostKeyCheck::Check(std::string_view key) const {
  if (config_.host_key_check == core::SshOptions::kOff) return core::Status();
  const KnownHosts::Finding finding = known_hosts_.Check(name_, key);
  const std::string offered =
      absl::StrCat(KeyType(key), " ", KeyFingerprint(key));
  const std::string where = absl::StrCat(finding.file, ":", finding.line);
  switch (finding.result) {
    case KnownHosts::Result::kMatch:
      return core::Status();
    case KnownHosts::Result::kRevoked:
      return core::Status(
          core::Code::kFailedPrecondition,
          absl::StrCat("the host key of ", name_, " is revoked: ", offered,
                       " by ", where));
    case KnownHosts::Result::kChanged:
      return core::Status(
          core::Code::kFailedPrecondition,
          absl::StrCat("the host key of ", name_, " has changed: it is ",
                       offered, ", but ", where, " has another ",
                       finding.key_type,
                       " key; if the change is right, remove that line "
                       "(ssh-keygen -f ",
                       finding.file, " -R '", name_,
                       "'); if not, somebody is listening"));
    case KnownHosts::Result::kUnknown:
      break;
  }
  const std::string file =
      config_.user_known_hosts.empty() ? "" : config_.user_known_hosts[0];
  if (config_.host_key_check == core::SshOptions::kAcceptNew) {
    if (file.empty() || file == "none" || file == "/dev/null") {
      return core::Status();
    }
    return KnownHosts::Append(file, name_, key, config_.hash_known_hosts);
  }
  return core::Status(
      core::Code::kFailedPrecondition,
      absl::StrCat("the host key of ", name_, " is unknown: it is ", offered,
                   ", and ", file.empty() ? "no file" : file,
                   " does not know the host; if the fingerprint is right, use "
                   "--host-key-check accept-new once"));
}

}  // namespace ramet::server
