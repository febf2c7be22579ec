#ifndef STUB_DEADLINE_QUEUE_H_
#define STUB_DEADLINE_QUEUE_H_

#include <stdint.h>

#include <set>
#include <utility>

#include "absl/time/time.h"
#include "core/base/unique_fd.h"

namespace ramet::stub {

// The deadlines of calls, and a timerfd(2) that is readable when the next one
// may have passed. The timer is set only for a deadline before the one that it
// is set for: calls that all have a timeout of 5 s, and are over long before,
// cost a system call every 5 s, not one each.
//
// Not thread-safe: whoever holds the runtime's lock uses it.
class DeadlineQueue {
 public:
  DeadlineQueue();

  // -1: the system has no timer for us, and deadlines are only looked at by
  // methods.
  int fd() const { return timer_.get(); }

  // `key` is a call's. absl::InfiniteFuture() is no deadline.
  void Add(absl::Time deadline, uint64_t key);
  void Remove(absl::Time deadline, uint64_t key);

  // Takes one deadline that has passed at `now`; false when there is none, and
  // then the timer is set for the next.
  bool TakePassed(absl::Time now, uint64_t* key);

 private:
  void SetTimer(absl::Time now);

  const core::UniqueFd timer_;
  std::set<std::pair<absl::Time, uint64_t>> deadlines_;
  absl::Time timer_time_ = absl::InfiniteFuture();  // what it is set for
};

}  // namespace ramet::stub

#endif  // STUB_DEADLINE_QUEUE_H_
