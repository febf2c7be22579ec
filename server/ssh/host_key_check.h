#ifndef SERVER_SSH_HOST_KEY_CHECK_H_
#define SERVER_SSH_HOST_KEY_CHECK_H_

#include <string>
#include <string_view>
#include <vector>

#include "server/ssh/known_hosts.h"
#include "server/ssh/ssh_config.h"
#include "server/ssh/ssh_failure.h"

namespace ramet::server {

// Decides about a host's key as the configuration says: reads the known_hosts
// files when it is made.
class HostKeyCheck {
 public:
  explicit HostKeyCheck(const SshConfig& config);

  // Not empty: libssh2 can't be given a key by which the host is known, so the
  // ssh binary has to connect.
  std::string Unserved() const;

  // Key types in the order in which the server shall be asked for them: those
  // by which the host is known come first.
  std::vector<std::string> PreferredTypes() const;

  // OK, or FAILED_PRECONDITION: unknown, changed or revoked, with file,
  // fingerprint, and what to do. An unknown key is added when so configured.
  core::Status Check(std::string_view key) const;

 private:
  const SshConfig config_;
  const std::string name_;
  KnownHosts known_hosts_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_HOST_KEY_CHECK_H_
