#include "transports/descendants.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/base/unique_fd.h"

namespace ramet::transports {
namespace {

constexpr unsigned kKillLimitSeconds = 5;

// Calls `visit` with each child of the calling thread, which is the only one
// that starts any.
template <typename Visit>
void ForEachChild(Visit visit) {
  const core::UniqueFd file(
      open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return;
  // "123 456 ", in pieces.
  pid_t pid = 0;
  char buffer[512];
  for (;;) {
    const ssize_t count = read(file.get(), buffer, sizeof buffer);
    if (count <= 0) return;
    for (ssize_t i = 0; i < count; ++i) {
      if (buffer[i] != ' ') {
        pid = 10 * pid + (buffer[i] - '0');
        continue;
      }
      visit(pid);
      pid = 0;
    }
  }
}

bool IsDetached(pid_t pid) {
  const core::UniqueFd file(open(core::Concat({"/proc/", pid, "/comm"}).c_str(),
                                 O_RDONLY | O_CLOEXEC));
  char name[sizeof kDetachedName];
  // With a newline in the place of the final zero.
  return read(file.get(), name, sizeof name) == sizeof name &&
         memcmp(name, kDetachedName, sizeof name - 1) == 0;
}

}  // namespace

void AdoptOrphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

void OrphanReaper::Tick() {
  std::vector<pid_t> before;
  before.swap(ended_);
  ForEachChild([this, &before](pid_t pid) {
    siginfo_t info;
    info.si_pid = 0;
    if (waitid(P_PID, static_cast<id_t>(pid), &info,
               WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0) {
      return;
    }
    if (std::find(before.begin(), before.end(), pid) == before.end()) {
      ended_.push_back(pid);
    } else {
      waitpid(pid, nullptr, WNOHANG);
    }
  });
}

void KillDescendants() {
  alarm(kKillLimitSeconds);
  bool any;
  do {
    any = false;
    // Children of the killed become children of this process, so that the
    // next round finds them.
    ForEachChild([&any](pid_t pid) {
      if (IsDetached(pid)) return;
      kill(pid, SIGKILL);
      any = true;
    });
  } while (any && (waitpid(-1, nullptr, 0) > 0 || errno == EINTR));
  alarm(0);
}

}  // namespace ramet::transports
