#include "server/ssh/ssh_transport.h"

#include <stdlib.h>

#include <utility>

namespace ramet::server {

SshTransport::SshTransport() {
  options_.user = LocalUser::FromProcess();
  options_.prompter = &user_prompter_;
  const char* const askpass = getenv("SSH_ASKPASS");
  options_.ssh_may_ask = askpass != nullptr && *askpass != '\0';
}

SshTransport::SshTransport(SshTransportOptions options)
    : options_(std::move(options)) {}

std::unique_ptr<core::ByteStream> SshTransport::Open(
    core::EventLoop* loop, const parent::OpenRequest& request) {
  return OpenChosen(loop, request);
}

std::unique_ptr<ChosenStream> SshTransport::OpenChosen(
    core::EventLoop* loop, const parent::OpenRequest& request) {
  return std::make_unique<ChosenStream>(loop, request, &options_);
}

}  // namespace ramet::server
