#ifndef CORE_TESTING_FAKE_CLOCK_H_
#define CORE_TESTING_FAKE_CLOCK_H_

#include <stdint.h>

#include "core/base/clock.h"

namespace ramet::core {

// Time that stands still until a test moves it.
class FakeClock final : public Clock {
 public:
  int64_t NowUs() const override { return now_us_; }
  void Advance(int64_t us) { now_us_ += us; }

 private:
  int64_t now_us_ = 1'000'000;
};

}  // namespace ramet::core

#endif  // CORE_TESTING_FAKE_CLOCK_H_
