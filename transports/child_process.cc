#include "transports/child_process.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

namespace ramet::transports {
namespace {

// How often a process without a pidfd is asked for.
constexpr int64_t kPollUs = 10'000;
// How often one that was killed is asked for.
constexpr int64_t kReapUs = 1'000;
// How often one that was let go is asked for.
constexpr int64_t kReapReleasedUs = 5'000'000;

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

// A process that nobody waits for any more: killed, or let go. Lives in a timer
// of the loop; when the loop goes first, its destructor waits for a killed one.
class LeftProcess {
 public:
  LeftProcess(pid_t pid, bool killed) : pid_(pid), killed_(killed) {}
  ~LeftProcess() {
    if (pid_ > 0 && killed_) core::KillGroupAndReap(pid_);
  }
  LeftProcess(const LeftProcess&) = delete;
  LeftProcess& operator=(const LeftProcess&) = delete;

  int64_t reap_us() const { return killed_ ? kReapUs : kReapReleasedUs; }
  bool Reap() {
    if (waitpid(pid_, nullptr, WNOHANG) == 0) return false;
    pid_ = 0;
    return true;
  }

 private:
  pid_t pid_;
  const bool killed_;
};

void ReapLater(core::EventLoop* loop, std::shared_ptr<LeftProcess> process) {
  loop->RunAfter(process->reap_us(), [loop, process] {
    if (!process->Reap()) ReapLater(loop, process);
  });
}

}  // namespace

ChildProcess::~ChildProcess() {
  StopWatching();
  if (pid_ == 0 || exited_) return;
  Kill();
  auto process = std::make_shared<LeftProcess>(pid_, true);
  if (!process->Reap()) ReapLater(loop_, std::move(process));
}

core::Status ChildProcess::Start(const core::SpawnOptions& options) {
  core::Status status = core::Spawn(options, &pid_);
  if (!status.ok()) return status;
  pidfd_.Reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (pidfd_.valid()) {
    loop_->Watch(pidfd_.get(), EPOLLIN, this);
  } else {
    PollLater();
  }
  return status;
}

bool ChildProcess::stopped() const {
  if (pid_ == 0 || exited_) return false;
  siginfo_t info;
  info.si_pid = 0;
  return waitid(P_PID, static_cast<id_t>(pid_), &info,
                WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

void ChildProcess::Kill() {
  if (pid_ == 0 || exited_) return;
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);
}

void ChildProcess::Release() {
  StopWatching();
  if (pid_ == 0 || exited_) return;
  ReapLater(loop_, std::make_shared<LeftProcess>(pid_, false));
  pid_ = 0;
}

void ChildProcess::StopWatching() {
  if (pidfd_.valid()) loop_->Unwatch(pidfd_.get());
  pidfd_.Reset();
  loop_->CancelTimer(poll_timer_);
  poll_timer_ = 0;
}

bool ChildProcess::Reap() {
  siginfo_t info;
  info.si_pid = 0;
  const int result = waitid(P_PID, static_cast<id_t>(pid_), &info,
                            WEXITED | WNOHANG | WNOWAIT);
  if (result == 0 && info.si_pid == 0) return false;
  // Before the process is reaped its group's number can't belong to others.
  kill(-pid_, SIGKILL);
  while (waitpid(pid_, &wait_status_, 0) < 0 && errno == EINTR) {
  }
  exited_ = true;
  return true;
}

void ChildProcess::OnReady(uint32_t events) {
  if (!Reap()) return;
  StopWatching();
  listener_->OnExit();
}

void ChildProcess::PollLater() {
  poll_timer_ = loop_->RunAfter(kPollUs, [this] {
    poll_timer_ = 0;
    if (!Reap()) return PollLater();
    listener_->OnExit();
  });
}

}  // namespace ramet::transports
