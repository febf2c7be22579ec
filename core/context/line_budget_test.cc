#include "core/context/line_budget.h"

#include <gtest/gtest.h>

namespace ramet::core {
namespace {

TEST(LineBudgetTest, ABurstPassesAndThenSoManyASecond) {
  LineBudget budget;
  int64_t now_us = 5'000'000;
  for (int i = 0; i < LineBudget::kBurst; ++i) {
    ASSERT_TRUE(budget.Take(now_us)) << i;
  }
  EXPECT_FALSE(budget.Take(now_us));
  EXPECT_FALSE(budget.Take(now_us));
  EXPECT_EQ(budget.TakeDropped(), 2u);
  EXPECT_EQ(budget.TakeDropped(), 0u);
  int passed = 0;
  int notes = 0;
  for (int i = 0; i < 40'000; ++i) {
    now_us += 100;  // ten times as many as may pass
    if (!budget.Take(now_us)) continue;
    ++passed;
    if (budget.TakeDropped() > 0) ++notes;
  }
  EXPECT_GE(passed, 4 * LineBudget::kPerSecond * 9 / 10);
  EXPECT_LE(passed, 4 * LineBudget::kPerSecond + 1);
  // What is dropped is told a few times a second, not for every line.
  EXPECT_GE(notes, 8);
  EXPECT_LE(notes, 16);
}

TEST(LineBudgetTest, AShareIsSoManyTimesAsMuch) {
  LineBudget budget(2);
  int passed = 0;
  while (budget.Take(1)) ++passed;
  EXPECT_EQ(passed, 2 * LineBudget::kBurst);
}

TEST(LineBudgetTest, SilenceSavesNoMoreThanABurst) {
  LineBudget budget;
  int64_t now_us = 1;
  EXPECT_TRUE(budget.Take(now_us));
  now_us += int64_t{24} * 3600 * 1'000'000;
  int passed = 0;
  while (budget.Take(now_us)) ++passed;
  EXPECT_EQ(passed, LineBudget::kBurst);
}

}  // namespace
}  // namespace ramet::core
