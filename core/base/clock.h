#ifndef CORE_BASE_CLOCK_H_
#define CORE_BASE_CLOCK_H_

#include <stdint.h>

namespace ramet::core {

// Monotonic time in microseconds. Injected, so that a test owns time.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowUs() const = 0;

  // CLOCK_MONOTONIC; one instance for the process, any thread.
  static const Clock* Monotonic();
};

}  // namespace ramet::core

#endif  // CORE_BASE_CLOCK_H_
