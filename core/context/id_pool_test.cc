#include "core/context/id_pool.h"

#include <gtest/gtest.h>

namespace ramet::core {
namespace {

TEST(IdPoolTest, GivesConsecutiveIdsAndNoneTwice) {
  IdPool pool;
  pool.Add(10, 5);
  uint32_t first = 0;
  ASSERT_TRUE(pool.Take(2, &first));
  EXPECT_EQ(first, 10u);
  ASSERT_TRUE(pool.Take(3, &first));
  EXPECT_EQ(first, 12u);
  EXPECT_FALSE(pool.Take(1, &first));
  EXPECT_EQ(pool.available(), 0u);
}

TEST(IdPoolTest, KeepsTheRestOfABlockForSmallerWishes) {
  IdPool pool;
  pool.Add(10, 3);
  pool.Add(100, 10);
  uint32_t first = 0;
  ASSERT_TRUE(pool.Take(5, &first));
  EXPECT_EQ(first, 100u);
  ASSERT_TRUE(pool.Take(3, &first));
  EXPECT_EQ(first, 10u);
  EXPECT_EQ(pool.available(), 5u);
  EXPECT_FALSE(pool.Take(6, &first));
}

TEST(IdPoolTest, AnEmptyBlockIsNone) {
  IdPool pool;
  pool.Add(10, 0);
  uint32_t first = 0;
  EXPECT_EQ(pool.available(), 0u);
  EXPECT_FALSE(pool.Take(1, &first));
}

}  // namespace
}  // namespace ramet::core
