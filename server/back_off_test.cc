#include "server/back_off.h"

#include <gtest/gtest.h>

namespace ramet::server {
namespace {

TEST(BackOffTest, PausesGrowToALimit) {
  BackOff back_off([] { return 0.5; });
  EXPECT_EQ(back_off.Next(), absl::Milliseconds(250));
  EXPECT_EQ(back_off.Next(), absl::Milliseconds(400));
  EXPECT_EQ(back_off.Next(), absl::Milliseconds(640));
  for (int i = 0; i < 20; ++i) back_off.Next();
  EXPECT_EQ(back_off.Next(), BackOff::kLongest);
}

TEST(BackOffTest, PausesVaryBothWays) {
  BackOff shorter([] { return 0.0; });
  EXPECT_EQ(shorter.Next(), absl::Milliseconds(200));
  BackOff longer([] { return 1.0; });
  EXPECT_EQ(longer.Next(), absl::Milliseconds(300));
}

}  // namespace
}  // namespace ramet::server
