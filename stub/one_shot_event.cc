#include "stub/one_shot_event.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace ramet::stub {
namespace {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t),
              "futex(2) works on 32 plain bits");

timespec DeadlineAfter(int64_t timeout_us) {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  time.tv_sec += timeout_us / 1'000'000;
  time.tv_nsec += timeout_us % 1'000'000 * 1'000;
  if (time.tv_nsec >= 1'000'000'000) {
    time.tv_nsec -= 1'000'000'000;
    ++time.tv_sec;
  }
  return time;
}

bool IsPast(const timespec& deadline) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec != deadline.tv_sec ? now.tv_sec > deadline.tv_sec
                                       : now.tv_nsec >= deadline.tv_nsec;
}

}  // namespace

void OneShotEvent::Set() {
  if (state_.exchange(kSet, std::memory_order_acq_rel) != kWaitedFor) return;
  // The waiter may have gone, and the event with it: then this wakes nobody,
  // or makes another futex at this address look again.
  syscall(SYS_futex, &state_, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, nullptr,
          nullptr, 0);
}

bool OneShotEvent::WaitFor(int64_t timeout_us) const {
  timespec deadline = {};
  const bool limited = timeout_us >= 0;
  if (limited && !is_set()) deadline = DeadlineAfter(timeout_us);
  while (!is_set()) {
    uint32_t expected = kUnset;
    state_.compare_exchange_strong(expected, kWaitedFor,
                                   std::memory_order_acq_rel);
    if (expected == kSet) break;
    if (limited && IsPast(deadline)) return false;
    // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC.
    syscall(SYS_futex, &state_, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
            kWaitedFor, limited ? &deadline : nullptr, nullptr,
            FUTEX_BITSET_MATCH_ANY);
  }
  return true;
}

}  // namespace ramet::stub
