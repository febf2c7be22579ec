#ifndef TRANSPORTS_OPENSSH_H_
#define TRANSPORTS_OPENSSH_H_

#include <memory>

#include "parent/transport.h"
#include "transports/openssh_argv.h"

namespace ramet::transports {

// Opens streams through the ssh program, one process for each: what contexts
// below the master use for a next hop, and the master where libssh2 can't
// serve.
//
// ssh has no terminal (it leads a session of its own), so what it can't ask
// through $SSH_ASKPASS it can't ask at all.
//
// Errors: ExplainOpenssh's, and UNAVAILABLE when there is no such program.
class OpensshTransport final : public parent::Transport {
 public:
  explicit OpensshTransport(OpensshOptions options = OpensshOptions())
      : options_(std::move(options)) {}

  std::unique_ptr<core::ByteStream> Open(
      core::EventLoop* loop, const parent::OpenRequest& request) override;

 private:
  const OpensshOptions options_;
};

}  // namespace ramet::transports

#endif  // TRANSPORTS_OPENSSH_H_
