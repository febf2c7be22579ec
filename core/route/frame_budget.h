#ifndef CORE_ROUTE_FRAME_BUDGET_H_
#define CORE_ROUTE_FRAME_BUDGET_H_

#include <stdint.h>

#include <algorithm>

namespace ramet::core {

// How many frames that cost their receiver work, and the sender nothing, may
// come over one link: a burst, and then so many a second. What has been read
// can't be sent back, so a link goes into debt, and is not read while it is in
// it.
//
// Each hop on the way up counts the same frames again. So the deeper a context
// is, the less it takes from each child, or one that floods would use up the
// budget of its parent, who passes on what it must: at depth d, 0 for the
// master, a 4^d-th of the rate and a 2^d-th of the burst.
//
// A value type.
class FrameBudget {
 public:
  // The master's. Ten thousand contexts that come at once are a part of the
  // burst. At a few microseconds for each, a flood takes a tenth of a
  // processor; with less, what a flooder leaves in buffers (16 MiB over ssh)
  // would hide its end for a minute instead of 20 s.
  static constexpr int64_t kBurst = 62'500;
  static constexpr int64_t kPerSecond = 31'250;
  // Further down budgets don't shrink any more.
  static constexpr uint32_t kMaxDepth = 3;
  // More debt than this is forgiven: the end of a link that is not read goes
  // unnoticed for as long. What one read may bring (256 KiB) is less at
  // depth 2.
  static constexpr int64_t kMaxDebtUs = 8'000'000;

  // Takes one frame's worth; false: the link is in debt.
  bool Charge(int64_t now_us, uint32_t depth) {
    depth = std::min(depth, kMaxDepth);
    burst_us_ = kBurstUs << depth;
    spent_until_us_ =
        std::max(spent_until_us_, now_us) + (kFrameUs << 2 * depth);
    spent_until_us_ =
        std::min(spent_until_us_, now_us + burst_us_ + kMaxDebtUs);
    return !InDebt(now_us);
  }
  bool InDebt(int64_t now_us) const {
    return spent_until_us_ - now_us > burst_us_;
  }

 private:
  static constexpr int64_t kFrameUs = 1'000'000 / kPerSecond;
  static constexpr int64_t kBurstUs = kBurst * kFrameUs;

  int64_t burst_us_ = kBurstUs;

  // When all that was taken is earned again.
  int64_t spent_until_us_ = 0;
};

}  // namespace ramet::core

#endif  // CORE_ROUTE_FRAME_BUDGET_H_
