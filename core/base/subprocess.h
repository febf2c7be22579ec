#ifndef CORE_BASE_SUBPROCESS_H_
#define CORE_BASE_SUBPROCESS_H_

#include <stdint.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "core/base/status.h"

namespace ramet::core {

// How to start a program. Descriptors are borrowed.
struct SpawnOptions {
  std::vector<std::string> argv;
  // The program: an open image (execveat(2)), or, when -1, argv[0] looked up
  // in PATH.
  int image_fd = -1;
  // fds[i] becomes descriptor i of the child; -1: /dev/null. Everything else
  // that is open must be O_CLOEXEC.
  std::vector<int> fds;
  // "NAME=value" added to this process's environment.
  std::vector<std::string> environment;
  // In a known state: of this process's environment it has only the variables
  // that stand in `environment` as a mere "NAME"; working directory /, umask
  // 022.
  bool clean = false;
  // RLIMIT_DATA, what it may allocate; 0: this process's own limit.
  uint64_t max_data_bytes = 0;
  // SIGKILL when the thread that starts it ends (PR_SET_PDEATHSIG).
  bool die_with_parent = false;
};

// Starts a program in a session of its own, without copying this process's
// memory (vfork). Signals are unblocked and at their defaults in the child.
//
// Threads: any. Blocks until the child has called exec, or failed to.
// Errors: UNAVAILABLE with the step that failed and errno's text.
Status Spawn(const SpawnOptions& options, pid_t* pid);

// "exit status 3" or "killed by signal 11 (Segmentation fault)", from what
// waitpid(2) gave.
std::string DescribeWaitStatus(int wait_status);

// Sends SIGKILL to the process group that `pid` leads, and reaps `pid` without
// waiting for longer than the kernel needs to end it.
void KillGroupAndReap(pid_t pid);

}  // namespace ramet::core

#endif  // CORE_BASE_SUBPROCESS_H_
