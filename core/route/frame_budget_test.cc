#include "core/route/frame_budget.h"

#include <gtest/gtest.h>

namespace ramet::core {
namespace {

// The clock may begin anywhere.
constexpr int64_t kBeginUs = 7'000'000'000;

int64_t Burst(FrameBudget* budget, int64_t now_us, uint32_t depth = 0) {
  int64_t passed = 0;
  while (budget->Charge(now_us, depth)) ++passed;
  return passed;
}

TEST(FrameBudgetTest, ABurstPasses) {
  FrameBudget budget;
  EXPECT_EQ(Burst(&budget, kBeginUs), FrameBudget::kBurst);
  EXPECT_TRUE(budget.InDebt(kBeginUs));
}

TEST(FrameBudgetTest, AndThenSoManyASecond) {
  FrameBudget budget;
  Burst(&budget, kBeginUs);
  int64_t passed = 0;
  // Ten times as many as may pass, from somebody who waits when told to.
  for (int64_t now = kBeginUs; now < kBeginUs + 10'000'000; now += 3) {
    if (budget.InDebt(now)) continue;
    budget.Charge(now, 0);
    ++passed;
  }
  EXPECT_NEAR(passed, 10 * FrameBudget::kPerSecond,
              FrameBudget::kPerSecond / 10);
}

TEST(FrameBudgetTest, DebtIsPaidByWaiting) {
  FrameBudget budget;
  Burst(&budget, kBeginUs);
  for (int i = 0; i < 100; ++i) budget.Charge(kBeginUs, 0);
  EXPECT_TRUE(budget.InDebt(kBeginUs + 3'000));
  EXPECT_FALSE(budget.InDebt(kBeginUs + 4'000));
}

TEST(FrameBudgetTest, NobodyIsInDebtForLong) {
  FrameBudget budget;
  for (int i = 0; i < 1'000'000; ++i) budget.Charge(kBeginUs, 0);
  EXPECT_TRUE(budget.InDebt(kBeginUs + FrameBudget::kMaxDebtUs - 1));
  EXPECT_FALSE(budget.InDebt(kBeginUs + FrameBudget::kMaxDebtUs));
}

TEST(FrameBudgetTest, WhatIsNotUsedIsKeptUpToTheBurst) {
  FrameBudget budget;
  Burst(&budget, kBeginUs);
  EXPECT_NEAR(Burst(&budget, kBeginUs + 1'000'000), FrameBudget::kPerSecond,
              FrameBudget::kPerSecond / 10);
  EXPECT_EQ(Burst(&budget, kBeginUs + 1'000'000'000), FrameBudget::kBurst);
}

// Two contexts that flood are less than what their parent's link may carry.
TEST(FrameBudgetTest, TheDeeperTheLess) {
  int64_t above = FrameBudget::kBurst * 2 + 2;
  for (uint32_t depth = 0; depth <= FrameBudget::kMaxDepth; ++depth) {
    FrameBudget budget;
    const int64_t burst = Burst(&budget, kBeginUs, depth);
    EXPECT_LE(2 * burst, above);
    above = burst;
    int64_t passed = 0;
    for (int64_t now = kBeginUs; now < kBeginUs + 10'000'000; now += 3) {
      if (budget.InDebt(now)) continue;
      budget.Charge(now, depth);
      ++passed;
    }
    const int64_t expected = 10 * FrameBudget::kPerSecond >> 2 * depth;
    EXPECT_NEAR(passed, expected, expected / 100 + 1) << depth;
  }
  FrameBudget deep;
  EXPECT_EQ(Burst(&deep, kBeginUs, 40), above);
}

}  // namespace
}  // namespace ramet::core
