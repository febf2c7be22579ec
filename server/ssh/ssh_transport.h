#ifndef SERVER_SSH_SSH_TRANSPORT_H_
#define SERVER_SSH_SSH_TRANSPORT_H_

#include <memory>

#include "parent/transport.h"
#include "server/ssh/chosen_stream.h"
#include "server/ssh/user_prompter.h"

namespace ramet::server {

// Opens streams to commands on ssh hosts for the master: over libssh2 on the
// loop, or over the ssh binary (see ChosenStream).
//
// Errors, in the stream's status(). UNAVAILABLE: not resolved, not reached, or
// lost; try again. UNAUTHENTICATED: no credentials were good; the text lists
// what was offered and tried. FAILED_PRECONDITION: the host key is unknown,
// changed or revoked; ssh_config is bad; libssh2 was asked for and can't serve.
//
// Ownership: outlives its streams. Threads: one loop's.
class SshTransport final : public parent::Transport {
 public:
  // This process's account and environment; asks its user.
  SshTransport();
  explicit SshTransport(SshTransportOptions options);

  std::unique_ptr<core::ByteStream> Open(
      core::EventLoop* loop, const parent::OpenRequest& request) override;
  // The same, for a caller that wants to know what was chosen.
  std::unique_ptr<ChosenStream> OpenChosen(core::EventLoop* loop,
                                           const parent::OpenRequest& request);

 private:
  UserPrompter user_prompter_;
  SshTransportOptions options_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_SSH_TRANSPORT_H_
