#include "server/ssh/host_pattern.h"

#include <gtest/gtest.h>

namespace ramet::server {
namespace {

TEST(MatchesHostFieldTest, MatchesNamesOfAList) {
  EXPECT_TRUE(MatchesHostField("web1,web2", "web2"));
  EXPECT_FALSE(MatchesHostField("web1,web2", "web"));
  EXPECT_FALSE(MatchesHostField("", "web"));
}

TEST(MatchesHostFieldTest, IgnoresTheCaseOfThePattern) {
  EXPECT_TRUE(MatchesHostField("Web1.Example.ORG", "web1.example.org"));
}

TEST(MatchesHostFieldTest, KnowsWildcards) {
  EXPECT_TRUE(MatchesHostField("*.example.org", "a.b.example.org"));
  EXPECT_FALSE(MatchesHostField("*.example.org", "example.org"));
  EXPECT_TRUE(MatchesHostField("web?", "web1"));
  EXPECT_FALSE(MatchesHostField("web?", "web"));
  EXPECT_TRUE(MatchesHostField("*", "anything"));
  EXPECT_TRUE(MatchesHostField("a*b*c", "aXbXbc"));
  EXPECT_FALSE(MatchesHostField("a*b*c", "aXbXb"));
}

TEST(MatchesHostFieldTest, NegationOutweighsAMatch) {
  EXPECT_FALSE(
      MatchesHostField("*.example.org,!bad.example.org", "bad.example.org"));
  EXPECT_FALSE(
      MatchesHostField("!bad.example.org,*.example.org", "bad.example.org"));
  EXPECT_FALSE(MatchesHostField("!bad", "good")) << "no positive match";
}

TEST(MatchesHostFieldTest, TakesBracketsLiterally) {
  EXPECT_TRUE(MatchesHostField("[web1]:2222", "[web1]:2222"));
  EXPECT_FALSE(MatchesHostField("[web1]:2222", "web1"));
}

TEST(MatchesHostFieldTest, FindsWhatSshKeygenHashed) {
  const char* const field =
      "|1|PDAXKGedDFUOcTiGRaF7ZD9Cxeg=|4vvWQJpl87urx75StvRtUjrga6g=";
  EXPECT_TRUE(MatchesHostField(field, "[127.0.0.1]:2222"));
  EXPECT_FALSE(MatchesHostField(field, "[127.0.0.1]:2223"));
  EXPECT_FALSE(MatchesHostField("|1|", "x"));
  EXPECT_FALSE(MatchesHostField("|1|!!|!!", "x"));
}

TEST(HashedHostFieldTest, NamesOnlyItsHost) {
  const std::string field = HashedHostField("[web1]:2222");
  EXPECT_EQ(field.find("web1"), std::string::npos);
  EXPECT_TRUE(MatchesHostField(field, "[web1]:2222"));
  EXPECT_FALSE(MatchesHostField(field, "[web1]:2223"));
  EXPECT_NE(field, HashedHostField("[web1]:2222")) << "the salt is random";
}

}  // namespace
}  // namespace ramet::server
