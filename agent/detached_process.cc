#include "agent/detached_process.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

#include "agent/process_title.h"
#include "transports/descendants.h"

namespace ramet::agent {

void DetachedProcess::Begin(core::EventLoop* loop, const std::string& name,
                            std::function<void()> on_terminate) {
  on_terminate_ = std::move(on_terminate);
  // Standard input reads from, and writes to, nowhere (agent/main.cc).
  dup2(STDIN_FILENO, STDOUT_FILENO);
  dup2(STDIN_FILENO, STDERR_FILENO);
  // Fails where it is the leader of one already, which is as good.
  (void)setsid();
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signals_.Reset(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  if (signals_.valid()) loop->Watch(signals_.get(), EPOLLIN, this);
  ProcessTitle::Set("ramet: " + name + ", detached");
  prctl(PR_SET_NAME, transports::kDetachedName);
}

void DetachedProcess::OnReady(uint32_t) {
  signalfd_siginfo signal;
  while (read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo == SIGTERM) on_terminate_();
  }
}

}  // namespace ramet::agent
