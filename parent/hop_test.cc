#include "parent/hop.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace ramet::parent {
namespace {

Hop Ssh(const std::string& user, const std::string& host, uint16_t port) {
  Hop hop;
  hop.kind = Hop::Kind::kSsh;
  hop.user = user;
  hop.host = host;
  hop.port = port;
  return hop;
}

std::string ParseError(const std::string& target) {
  std::vector<Hop> hops;
  const core::Status status = ParseTarget(target, &hops);
  if (status.ok()) return "parsed";
  EXPECT_EQ(status.code(), core::Code::kInvalidArgument);
  return status.message();
}

TEST(HopTest, ParsesEveryFormAndPrintsItAgain) {
  const std::vector<std::pair<std::string, Hop>> good = {
      {"local:", Hop()},
      {"local:worker-1", Hop{Hop::Kind::kLocal, "", "worker-1", 0}},
      {"ssh:web1", Ssh("", "web1", 0)},
      {"ssh:deploy@web1", Ssh("deploy", "web1", 0)},
      {"ssh:web1:2222", Ssh("", "web1", 2222)},
      {"ssh:deploy@web1.example.com:65535",
       Ssh("deploy", "web1.example.com", 65535)},
      {"ssh:10.0.0.1:1", Ssh("", "10.0.0.1", 1)},
      {"ssh:[::1]", Ssh("", "::1", 0)},
      {"ssh:me@[fe80::1%eth0]:22", Ssh("me", "fe80::1%eth0", 22)},
      {"ssh:user@domain@host", Ssh("user@domain", "host", 0)},
      {"ssh:under_score", Ssh("", "under_score", 0)},
  };
  for (const auto& [text, expected] : good) {
    Hop hop;
    const core::Status status = ParseHop(text, &hop);
    ASSERT_TRUE(status.ok()) << text << ": " << status.message();
    EXPECT_EQ(hop, expected) << text;
    EXPECT_EQ(hop.ToString(), text);
  }
}

TEST(HopTest, BracketsAreForAddressesThatNeedThem) {
  Hop hop;
  ASSERT_TRUE(ParseHop("ssh:[web1]:22", &hop).ok());
  EXPECT_EQ(hop.ToString(), "ssh:web1:22");
}

TEST(HopTest, RefusesWhatIsNoHopAndSaysWhy) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"web1", "expected local:[label] or ssh:[user@]host[:port]"},
      {"sudo:root", "unknown transport; there are local: and ssh:"},
      {":", "unknown transport; there are local: and ssh:"},
      {"SSH:web1", "unknown transport; there are local: and ssh:"},
      {"local:a:b", "a character that labels don't have"},
      {"local:me@here", "a character that labels don't have"},
      {"local:a b", "a character that labels don't have"},
      {"ssh:", "expected ssh:[user@]host[:port]"},
      {"ssh:@web1", "empty user before \"@\""},
      {"ssh:me@", "expected ssh:[user@]host[:port]"},
      {"ssh::22", "expected ssh:[user@]host[:port]"},
      {"ssh:[]:22", "expected ssh:[user@]host[:port]"},
      {"ssh:[::1", "missing \"]\""},
      {"ssh:[::1]22", "expected \":port\" after \"]\""},
      {"ssh:::1", "an IPv6 address goes in brackets: ssh:[::1]:22"},
      {"ssh:web1:", "the port must be 1 to 65535"},
      {"ssh:web1:0", "the port must be 1 to 65535"},
      {"ssh:web1:65536", "the port must be 1 to 65535"},
      {"ssh:web1:000022", "the port must be 1 to 65535"},
      {"ssh:web1:-22", "the port must be 1 to 65535"},
      {"ssh:web1:22x", "the port must be 1 to 65535"},
      {"ssh:web1:ssh", "the port must be 1 to 65535"},
      {"ssh:[::1]:", "the port must be 1 to 65535"},
  };
  for (const auto& [text, why] : bad) {
    EXPECT_EQ(ParseError(text), "bad target: \"" + text + "\": " + why);
  }
}

TEST(HopTest, NothingBecomesAnOptionOfAProgram) {
  for (const char* text : {"ssh:-oProxyCommand=x", "ssh:-l@web1",
                           "ssh:[-oProxyCommand=x]", "ssh:-x@-y"}) {
    EXPECT_NE(ParseError(text).find("can't begin with \"-\""),
              std::string::npos)
        << text;
  }
  EXPECT_EQ(ParseError("ssh:a-b@c-d"), "parsed");
}

TEST(HopTest, RefusesWhatAShellGivesAMeaning) {
  for (char c : std::string("'\"`\\$;&|<>(){}[]*?!# \t\n\r\x01\x7f\x80\xff")) {
    for (const std::string& text :
         {std::string("ssh:we") + c + "b1", std::string("ssh:u") + c + "@web1",
          std::string("ssh:[a") + c + "b]"}) {
      EXPECT_NE(ParseError(text), "parsed") << testing::PrintToString(text);
    }
  }
  EXPECT_NE(ParseError(std::string("ssh:a\0b", 7)), "parsed");
}

TEST(TargetTest, SplitsHops) {
  std::vector<Hop> hops;
  ASSERT_TRUE(ParseTarget("ssh:bastion/ssh:me@web1:22/local:", &hops).ok());
  ASSERT_EQ(hops.size(), 3u);
  EXPECT_EQ(hops[0], Ssh("", "bastion", 0));
  EXPECT_EQ(hops[1], Ssh("me", "web1", 22));
  EXPECT_EQ(hops[2], Hop());
}

TEST(TargetTest, RefusesEmptyPieces) {
  EXPECT_EQ(ParseError(""), "bad target: \"\": empty");
  for (const char* target :
       {"/", "local:/", "/local:", "local://local:", "ssh:web1/"}) {
    EXPECT_NE(ParseError(target), "parsed") << target;
  }
}

TEST(TargetTest, NamesTheBadHop) {
  EXPECT_EQ(
      ParseError("ssh:bastion/web1"),
      "bad target: \"web1\": expected local:[label] or ssh:[user@]host[:port]");
}

TEST(TargetTest, HasLimits) {
  std::string target = "local:";
  for (size_t i = 1; i < kMaxHops; ++i) target += "/local:";
  EXPECT_EQ(ParseError(target), "parsed");
  EXPECT_NE(ParseError(target + "/local:").find("too many hops"),
            std::string::npos);
  const std::string text = ParseError("ssh:" + std::string(5000, 'h'));
  EXPECT_NE(text.find("too long"), std::string::npos);
  EXPECT_LT(text.size(), 300u) << "a long target is not repeated in full";
}

TEST(TargetTest, ForgetsEarlierHops) {
  std::vector<Hop> hops(5);
  ASSERT_TRUE(ParseTarget("local:", &hops).ok());
  EXPECT_EQ(hops.size(), 1u);
  Hop hop = Ssh("me", "web1", 22);
  ASSERT_TRUE(ParseHop("local:", &hop).ok());
  EXPECT_EQ(hop, Hop());
}

}  // namespace
}  // namespace ramet::parent
