#include "server/ssh/ssh_config_query.h"

#include <errno.h>
#include <sys/wait.h>

#include <utility>

#include "core/base/subprocess.h"

namespace ramet::server {

SshConfigQuery::SshConfigQuery(core::EventLoop* loop,
                               const std::string& program,
                               const parent::OpenRequest& request,
                               const LocalUser& user, Callback done)
    : request_(request), user_(user), done_(std::move(done)) {
  core::SpawnOptions options;
  options.argv = Argv(program, request);
  options.die_with_parent = true;
  process_ = std::make_unique<transports::ProcessStream>(loop, "ssh -G",
                                                         std::move(options));
  process_->SetListener(this);
}

SshConfigQuery::~SshConfigQuery() = default;

std::vector<std::string> SshConfigQuery::Argv(
    const std::string& program, const parent::OpenRequest& request) {
  std::vector<std::string> argv = {program, "-G", "-T"};
  if (!request.ssh.config_file.empty()) {
    argv.push_back("-F");
    argv.push_back(request.ssh.config_file);
  }
  // ssh then leaves out its own defaults.
  for (const std::string& file : request.ssh.identity_files) {
    argv.push_back("-i");
    argv.push_back(file);
  }
  if (!request.hop.user.empty()) {
    argv.push_back("-l");
    argv.push_back(request.hop.user);
  }
  if (request.hop.port != 0) {
    argv.push_back("-p");
    argv.push_back(std::to_string(request.hop.port));
  }
  argv.push_back("--");
  argv.push_back(request.hop.host);
  return argv;
}

void SshConfigQuery::OnReadable() {
  char buffer[16384];
  for (;;) {
    const ssize_t count = process_->Read(buffer, sizeof buffer);
    if (count == -EAGAIN) return;
    if (count <= 0) return Finish();
    if (output_.size() < kMaxOutputBytes) output_.append(buffer, count);
  }
}

void SshConfigQuery::Finish() {
  SshConfig config = DefaultSshConfig(request_, user_);
  core::Status status;
  // Not started: there is no such program, and nothing that it would read.
  if (process_->exited()) {
    const int wait_status = process_->wait_status();
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
      status = ApplySshG(output_, request_, user_, &config);
    } else {
      status = core::Status(
          core::Code::kFailedPrecondition,
          "ssh refuses its configuration: " + process_->status().message());
    }
  }
  const Callback done = done_;
  done(status, config);
}

}  // namespace ramet::server
