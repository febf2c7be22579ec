#ifndef TRANSPORTS_DESCENDANTS_H_
#define TRANSPORTS_DESCENDANTS_H_

#include <sys/types.h>

#include <vector>

namespace ramet::transports {

// The processes that a module starts, and those that they start, also those
// that detach themselves from it: an agent adopts them when their parents end
// (PR_SET_CHILD_SUBREAPER, prctl(2)), so that nothing outlives it.
//
// Descendants are found in /proc; where it is not mounted, or lacks the list of
// children (proc(5), CONFIG_PROC_CHILDREN), only direct children are.

// Becomes the one who adopts. Once, at the program's start.
void AdoptOrphans();

// Reaps adopted processes that have ended.
class OrphanReaper {
 public:
  // Now and then. What has ended and is still there at the second call belongs
  // to nobody: a ChildProcess would have reaped it.
  void Tick();

 private:
  std::vector<pid_t> ended_;
};

// The name (proc(5), comm) by which a context is known that was detached from
// its parent, and that KillDescendants therefore spares with all below it. A
// module may call itself so, but whoever may do that may as well kill its
// context first (SECURITY.md).
inline constexpr char kDetachedName[] = "ramet: detached";

// Kills every descendant and waits for their ends, a few seconds at most: a
// process that the kernel can't end then ends this one with SIGALRM. For a
// program that is about to exit.
void KillDescendants();

}  // namespace ramet::transports

#endif  // TRANSPORTS_DESCENDANTS_H_
