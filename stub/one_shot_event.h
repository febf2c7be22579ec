#ifndef STUB_ONE_SHOT_EVENT_H_
#define STUB_ONE_SHOT_EVENT_H_

#include <stdint.h>

#include <atomic>

namespace ramet::stub {

// Something that happens once, and that threads wait for: a futex(2) that
// costs no system call when nobody waits.
//
// Threads: any. A waiter may destroy the event as soon as Wait() returns, also
// while Set() still returns in another thread.
class OneShotEvent {
 public:
  OneShotEvent() = default;
  OneShotEvent(const OneShotEvent&) = delete;
  OneShotEvent& operator=(const OneShotEvent&) = delete;

  // Only the first call does anything.
  void Set();
  bool is_set() const { return state_.load(std::memory_order_acquire) == kSet; }

  void Wait() const { WaitFor(kForever); }
  // True when the event happened; false after `timeout_us` microseconds, or
  // at once for 0. A negative timeout means none.
  bool WaitFor(int64_t timeout_us) const;

 private:
  static constexpr int64_t kForever = -1;
  static constexpr uint32_t kUnset = 0;
  static constexpr uint32_t kWaitedFor = 1;
  static constexpr uint32_t kSet = 2;

  mutable std::atomic<uint32_t> state_{kUnset};
};

}  // namespace ramet::stub

#endif  // STUB_ONE_SHOT_EVENT_H_
