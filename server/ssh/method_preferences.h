#ifndef SERVER_SSH_METHOD_PREFERENCES_H_
#define SERVER_SSH_METHOD_PREFERENCES_H_

#include <libssh2.h>

#include <string>
#include <vector>

#include "server/ssh/ssh_config.h"

namespace ramet::server {

// Tells libssh2 which algorithms to offer: the configuration's order, as far as
// libssh2 has them and they are no worse than AES in counter mode with HMAC;
// `host_key_types` first in their order. Returns the name of a kind ("ciphers")
// of which libssh2 has none that the configuration allows; empty: all is well.
std::string SetMethodPreferences(
    LIBSSH2_SESSION* session, const SshConfig& config,
    const std::vector<std::string>& host_key_types);

}  // namespace ramet::server

#endif  // SERVER_SSH_METHOD_PREFERENCES_H_
