#ifndef TRANSPORTS_OPENSSH_FAILURE_H_
#define TRANSPORTS_OPENSSH_FAILURE_H_

#include <string>

#include "core/base/status.h"

namespace ramet::transports {

// What an ssh that has ended tells about why.
struct OpensshFailure {
  core::Status status;
  const char* phase;  // static; where it stopped, as far as its words tell
};

// From the wait status and the last words of ssh(1), version 6.8 and later.
// `received`: the remote command had already sent something, so the connection
// had been up.
//
// UNAVAILABLE: not reached or lost, or the remote command ended.
// UNAUTHENTICATED: the server took no credentials. FAILED_PRECONDITION: the
// host key is unknown or has changed, nothing in common to talk with, a
// configuration that ssh refuses, a remote command that can't be run.
OpensshFailure ExplainOpenssh(int wait_status, const std::string& words,
                              bool received);

}  // namespace ramet::transports

#endif  // TRANSPORTS_OPENSSH_FAILURE_H_
