#ifndef CORE_CONTEXT_LINE_BUDGET_H_
#define CORE_CONTEXT_LINE_BUDGET_H_

#include <stdint.h>

#include <algorithm>

namespace ramet::core {

// How many log lines may pass: a burst, and then so many a second (a token
// bucket). What does not pass is counted, so that the next line that does can
// tell. Once it is used up nothing passes for a quarter of a second, so that
// such notes are few. A value type.
class LineBudget {
 public:
  static constexpr int64_t kBurst = 4096;
  static constexpr int64_t kPerSecond = 1000;

  // With `share` times as much of both.
  explicit LineBudget(int64_t share = 1) : share_(share) {}

  // False: this line is dropped.
  bool Take(int64_t now_us) {
    const int64_t rate = share_ * kPerSecond;
    const int64_t earned = (now_us - last_us_) * rate / 1'000'000;
    if (earned > 0) {
      lines_ = std::min(share_ * kBurst, lines_ + earned);
      last_us_ = now_us;
    }
    if (lines_ < (dry_ ? rate / 4 : 1)) {
      dry_ = true;
      return Drop();
    }
    dry_ = false;
    --lines_;
    return true;
  }
  // For a line that is dropped for another reason; always false.
  bool Drop() {
    ++dropped_;
    return false;
  }
  // Lines dropped since the last call.
  uint32_t TakeDropped() {
    const uint32_t dropped = dropped_;
    dropped_ = 0;
    return dropped;
  }

 private:
  int64_t share_;
  int64_t lines_ = share_ * kBurst;
  int64_t last_us_ = 0;
  bool dry_ = false;
  uint32_t dropped_ = 0;
};

}  // namespace ramet::core

#endif  // CORE_CONTEXT_LINE_BUDGET_H_
