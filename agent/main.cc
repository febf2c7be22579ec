// The agent: the first program of every context. Started by a first stage or by
// its parent directly (docs/bootstrap.md), with
//
//   0, 1  the link to the parent       3  this executable
//   2     the parent's standard error  4  the same, packed
//
//   agent [NONCE [FILE...]]  says NONCE's marker, serves; the unpacker that it
//                            came with has removed the files

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "agent/agent.h"
#include "agent/process_title.h"
#include "core/base/unique_fd.h"
#include "parent/first_stage.h"
#include "transports/descendants.h"

namespace {

using ramet::core::UniqueFd;

// A module, and a child, and each of their pipes, want descriptors.
void RaiseDescriptorLimit() {
  // prlimit(2), as subprocess.cc uses it: one system call less in agent/libc.
  rlimit limit;
  if (prlimit(0, RLIMIT_NOFILE, nullptr, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  prlimit(0, RLIMIT_NOFILE, &limit, nullptr);
}

// From here on everything is 0 to 4, or O_CLOEXEC: what this program's starter
// has left open by mistake is no module's.
void CloseInherited() {
  constexpr int kFirst = 5;
  constexpr int kEnd = 1024;  // before Linux 5.9
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
  if (syscall(SYS_close_range, kFirst, ~0U, 0) == 0) return;
  for (int fd = kFirst; fd < kEnd; ++fd) close(fd);
}

// Moves the link away from standard input and output, so that nothing that
// prints can ever corrupt it.
UniqueFd MoveLinkFd(int fd) {
  constexpr int kFirstOwnFd = 5;
  return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, kFirstOwnFd));
}

void ReplaceStdio() {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) {
    // No /dev on this target: a pipe without a reader or writer does as well.
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    dup2(ends[0], STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    return;
  }
  dup2(null, STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  close(null);
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  std::string nonce = argc > 1 ? argv[1] : "";
  ramet::agent::ProcessTitle::Init(argc, argv);
  ramet::agent::ProcessTitle::Set("ramet: starting");
  CloseInherited();
  RaiseDescriptorLimit();
  // Core dumps could leave something on the target; modules', too.
  prctl(PR_SET_DUMPABLE, 0);
  constexpr rlimit kNone{0, 0};
  prlimit(0, RLIMIT_CORE, &kNone, nullptr);
  ramet::transports::AdoptOrphans();

  UniqueFd from_parent = MoveLinkFd(STDIN_FILENO);
  UniqueFd to_parent = MoveLinkFd(STDOUT_FILENO);
  if (!from_parent.valid() || !to_parent.valid()) {
    constexpr char kText[] = "ramet: no link on standard input and output\n";
    (void)!write(STDERR_FILENO, kText, sizeof kText - 1);
    return 1;
  }
  ReplaceStdio();
  if (!nonce.empty()) {
    const std::string marker = ramet::parent::AgentMarker(nonce);
    if (write(to_parent.get(), marker.data(), marker.size()) !=
        static_cast<ssize_t>(marker.size())) {
      return 1;
    }
  }
  ramet::agent::Agent(std::move(from_parent), std::move(to_parent)).Run();
  ramet::transports::KillDescendants();
  return 0;
}
