#include "core/base/clock.h"

#include <time.h>

namespace ramet::core {
namespace {

class MonotonicClock final : public Clock {
 public:
  int64_t NowUs() const override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
  }
};

}  // namespace

const Clock* Clock::Monotonic() {
  static const MonotonicClock clock;
  return &clock;
}

}  // namespace ramet::core
