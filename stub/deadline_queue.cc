#include "stub/deadline_queue.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "absl/time/clock.h"

namespace ramet::stub {
namespace {

// A timer that fires early looks for the deadline again.
constexpr absl::Duration kShortest = absl::Microseconds(1);
// Longer than this only because the clocks may run apart.
constexpr absl::Duration kLongest = absl::Hours(1);

}  // namespace

DeadlineQueue::DeadlineQueue()
    : timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {}

void DeadlineQueue::Add(absl::Time deadline, uint64_t key) {
  if (deadline == absl::InfiniteFuture()) return;
  deadlines_.emplace(deadline, key);
  if (deadline < timer_time_) SetTimer(absl::Now());
}

void DeadlineQueue::Remove(absl::Time deadline, uint64_t key) {
  if (deadline != absl::InfiniteFuture()) deadlines_.erase({deadline, key});
}

bool DeadlineQueue::TakePassed(absl::Time now, uint64_t* key) {
  if (deadlines_.empty() || deadlines_.begin()->first > now) {
    SetTimer(now);
    return false;
  }
  *key = deadlines_.begin()->second;
  deadlines_.erase(deadlines_.begin());
  return true;
}

void DeadlineQueue::SetTimer(absl::Time now) {
  itimerspec timer = {};
  timer_time_ = absl::InfiniteFuture();
  if (!deadlines_.empty()) {
    const absl::Duration wait =
        std::clamp(deadlines_.begin()->first - now, kShortest, kLongest);
    timer_time_ = std::min(deadlines_.begin()->first, now + wait);
    timer.it_value = absl::ToTimespec(wait + kShortest);
  }
  timerfd_settime(timer_.get(), 0, &timer, nullptr);
}

}  // namespace ramet::stub
