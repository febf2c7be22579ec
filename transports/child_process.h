#ifndef TRANSPORTS_CHILD_PROCESS_H_
#define TRANSPORTS_CHILD_PROCESS_H_

#include <sys/types.h>

#include "core/base/status.h"
#include "core/base/subprocess.h"
#include "core/base/unique_fd.h"
#include "core/loop/event_loop.h"

namespace ramet::transports {

// One child process whose end the loop reports.
//
// Ownership: destroying it kills the process with its whole group and never
//   leaves a zombie: what has not ended at once is reaped by a timer of the
//   loop, or by the loop's destruction.
// Threads: the loop's. Blocking: Start, until the child has called exec.
class ChildProcess final : private core::IoHandler {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // The process has ended, and what was left of its group is killed. May
    // destroy the ChildProcess.
    virtual void OnExit() = 0;
  };

  ChildProcess(core::EventLoop* loop, Listener* listener)
      : loop_(loop), listener_(listener) {}
  ~ChildProcess() override;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Once. core::Spawn's errors.
  core::Status Start(const core::SpawnOptions& options);

  pid_t pid() const { return pid_; }
  bool exited() const { return exited_; }
  // As waitpid(2) gives it; after exited() only.
  int wait_status() const { return wait_status_; }

  // True while a signal has stopped the process (SIGSTOP, signal(7)).
  bool stopped() const;

  // SIGKILL to the process and its group; OnExit follows.
  void Kill();

  // Lets the process live on: destroying this does nothing to it any more, and
  // OnExit is not called. It is reaped when it ends while the loop lives.
  void Release();

 private:
  void OnReady(uint32_t events) override;
  void PollLater();
  bool Reap();
  void StopWatching();

  core::EventLoop* const loop_;
  Listener* const listener_;
  pid_t pid_ = 0;
  core::UniqueFd pidfd_;  // invalid on kernels before 5.3: then a timer polls
  core::EventLoop::TimerId poll_timer_ = 0;
  bool exited_ = false;
  int wait_status_ = 0;
};

}  // namespace ramet::transports

#endif  // TRANSPORTS_CHILD_PROCESS_H_
