#ifndef SERVER_SSH_SSH_FAILURE_H_
#define SERVER_SSH_SSH_FAILURE_H_

#include <string>

#include "core/base/status.h"

namespace ramet::server {

// Why an ssh stream over libssh2 did not come to be.
struct SshFailure {
  core::Status status;
  // Not empty: the ssh binary may succeed, because of this, which libssh2
  // can't serve ("ProxyJump").
  std::string unserved;
};

// FAILED_PRECONDITION: what libssh2 lacks, and what to do about it.
inline SshFailure Unserved(const std::string& what) {
  return {core::Status(core::Code::kFailedPrecondition,
                       "libssh2 does not serve " + what +
                           "; use --ssh-transport openssh"),
          what};
}

inline SshFailure Lost(std::string text) {
  return {core::Status(core::Code::kUnavailable, std::move(text)), ""};
}

}  // namespace ramet::server

#endif  // SERVER_SSH_SSH_FAILURE_H_
