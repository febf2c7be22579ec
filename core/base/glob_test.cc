#include "core/base/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace ramet::core {
namespace {

TEST(GlobTest, WithoutStarsItIsTheText) {
  EXPECT_TRUE(MatchesGlob("", ""));
  EXPECT_TRUE(MatchesGlob("abc", "abc"));
  EXPECT_FALSE(MatchesGlob("abc", "ab"));
  EXPECT_FALSE(MatchesGlob("ab", "abc"));
  EXPECT_FALSE(MatchesGlob("", "a"));
  EXPECT_FALSE(MatchesGlob("a", ""));
  EXPECT_FALSE(MatchesGlob("abc", "ABC"));
}

TEST(GlobTest, AStarIsAnyCharacters) {
  EXPECT_TRUE(MatchesGlob("*", ""));
  EXPECT_TRUE(MatchesGlob("*", "a/b:c"));
  EXPECT_TRUE(MatchesGlob("**", "abc"));
  EXPECT_TRUE(MatchesGlob("a*", "a"));
  EXPECT_TRUE(MatchesGlob("a*c", "abbc"));
  EXPECT_FALSE(MatchesGlob("a*c", "abcd"));
  EXPECT_TRUE(MatchesGlob("*b*", "abc"));
  EXPECT_FALSE(MatchesGlob("*d*", "abc"));
  EXPECT_TRUE(MatchesGlob("a*", "a*"));
  EXPECT_TRUE(MatchesGlob("*a", "*ba"));
}

TEST(GlobTest, GoesBackWhereAStarWasTooShort) {
  EXPECT_TRUE(MatchesGlob("*ab", "aab"));
  EXPECT_TRUE(MatchesGlob("a*bc*d", "abcbcxd"));
  EXPECT_FALSE(MatchesGlob("a*bc*d", "abxcxd"));
}

// What a matcher that tries everything would never finish.
TEST(GlobTest, ManyStarsTakeNoLongTime) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(20'000, 'a')));
}

}  // namespace
}  // namespace ramet::core
