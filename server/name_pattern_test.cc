#include "server/name_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace ramet::server {
namespace {

TEST(NamePatternTest, WithoutStarsOnlyTheSameTextMatches) {
  EXPECT_TRUE(MatchesTarget("ssh:web1", "ssh:web1"));
  EXPECT_FALSE(MatchesTarget("ssh:web1", "ssh:web10"));
  EXPECT_FALSE(MatchesTarget("ssh:web1", "ssh:web"));
  EXPECT_FALSE(MatchesTarget("", "ssh:web1"));
  EXPECT_TRUE(MatchesTarget("", ""));
}

TEST(NamePatternTest, AStarStaysWithinItsPartOfAHop) {
  EXPECT_TRUE(MatchesTarget("ssh:web*", "ssh:web"));
  EXPECT_TRUE(MatchesTarget("ssh:web*", "ssh:web12.example.org"));
  EXPECT_FALSE(MatchesTarget("ssh:web*", "ssh:web1/sudo:root"));
  EXPECT_FALSE(MatchesTarget("ssh:web*", "ssh:web1@evil.example.org"));
  EXPECT_FALSE(MatchesTarget("ssh:web*", "ssh:web1:2222"));
  EXPECT_TRUE(MatchesTarget("ssh:*@web*/local:*", "ssh:ada@web1/local:x"));
}

TEST(NamePatternTest, TwoStarsCoverEverything) {
  EXPECT_TRUE(MatchesTarget("ssh:web1/**", "ssh:web1/ssh:a@b:1/local:"));
  EXPECT_FALSE(MatchesTarget("ssh:web1/**", "ssh:web1"));
  EXPECT_TRUE(MatchesTarget("**", "ssh:web1/local:"));
  EXPECT_TRUE(MatchesTarget("**/local:", "ssh:web1/local:"));
  EXPECT_TRUE(MatchesTarget("***", "a:b/c"));
}

TEST(NamePatternTest, AMethodsStarStopsAtTheSlash) {
  EXPECT_TRUE(MatchesMethod("demo.v1.Greeter/*", "demo.v1.Greeter/SayHello"));
  EXPECT_TRUE(MatchesMethod("demo.*/Say*", "demo.v1.Greeter/SayHello"));
  EXPECT_FALSE(MatchesMethod("demo.*", "demo.v1.Greeter/SayHello"));
  EXPECT_FALSE(MatchesMethod("*", "demo.v1.Greeter/SayHello"));
  EXPECT_TRUE(MatchesMethod("*/*", "demo.v1.Greeter/SayHello"));
}

TEST(NamePatternTest, ManyStarsTakeNoLongerThanTheyMust) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(MatchesTarget(pattern + "b", std::string(5000, 'a')));
}

TEST(NamePatternTest, WhatIsForAContextIsForThoseBelowIt) {
  EXPECT_TRUE(MatchesTargetOrAbove("ssh:a", "ssh:a"));
  EXPECT_TRUE(MatchesTargetOrAbove("ssh:a", "ssh:a/ssh:b/local:"));
  EXPECT_TRUE(MatchesTargetOrAbove("ssh:*/ssh:b", "ssh:a/ssh:b/local:"));
  EXPECT_TRUE(MatchesTargetOrAbove("**", ""));
  EXPECT_FALSE(MatchesTargetOrAbove("ssh:b", "ssh:a/ssh:b"));
  EXPECT_FALSE(MatchesTargetOrAbove("ssh:a/ssh:b", "ssh:a"));
  EXPECT_FALSE(MatchesTargetOrAbove("ssh:a", "ssh:ab/ssh:b"));
}

}  // namespace
}  // namespace ramet::server
