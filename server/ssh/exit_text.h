#ifndef SERVER_SSH_EXIT_TEXT_H_
#define SERVER_SSH_EXIT_TEXT_H_

#include <libssh2.h>

#include <string>

#include "core/base/status.h"

namespace ramet::server {

// How the remote command ended, from the channel's exit status or signal, with
// the last words on its standard error. FAILED_PRECONDITION when it could not
// be run at all (126, 127) and had `received` nothing from it; else
// UNAVAILABLE.
core::Status ExplainExit(LIBSSH2_SESSION* session, LIBSSH2_CHANNEL* channel,
                         const std::string& words, bool received);

}  // namespace ramet::server

#endif  // SERVER_SSH_EXIT_TEXT_H_
