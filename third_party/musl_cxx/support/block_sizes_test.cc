#include "third_party/musl_cxx/support/block_sizes.h"

#include "gtest/gtest.h"

namespace ramet::memory {
namespace {

TEST(BlockSizesTest, NumbersAndSizesAreEachOthersInverse) {
  for (int number = 0; number < 80; ++number) {
    const size_t bytes = BlockBytes(number);
    EXPECT_EQ(BlockNumber(bytes), number) << bytes;
    EXPECT_EQ(BlockNumber(bytes + 1), number + 1) << bytes;
  }
}

TEST(BlockSizesTest, EverySizeFitsTheLeastBlock) {
  EXPECT_EQ(BlockNumber(0), 0);
  for (size_t bytes = 1; bytes <= 100'000; ++bytes) {
    const int number = BlockNumber(bytes);
    ASSERT_GE(BlockBytes(number), bytes);
    ASSERT_TRUE(number == 0 || BlockBytes(number - 1) < bytes);
  }
}

TEST(BlockSizesTest, BlocksAreAlignedAndWasteAtMostAFifth) {
  for (int number = 0; number < 80; ++number) {
    EXPECT_EQ(BlockBytes(number) % 16, 0u);
    if (number < 8) continue;
    EXPECT_LE(BlockBytes(number) - BlockBytes(number - 1),
              BlockBytes(number) / 5);
  }
}

}  // namespace
}  // namespace ramet::memory
