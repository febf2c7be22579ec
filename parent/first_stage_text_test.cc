#include <gtest/gtest.h>

#include <set>
#include <string>

#include "parent/first_stage.h"

namespace ramet::parent {
namespace {

TEST(FirstStageCommandTest, SurvivesEveryLoginShellsQuoting) {
  const std::string command =
      FirstStageCommand("0123456789abcdef", "Linux x86_64", 11);
  const std::string begin = "exec /bin/sh -c '";
  ASSERT_EQ(command.substr(0, begin.size()), begin);
  ASSERT_EQ(command.back(), '\'');
  const std::string script =
      command.substr(begin.size(), command.size() - begin.size() - 1);
  for (char c : std::string("'\\!\n\r\t")) {
    EXPECT_EQ(script.find(c), std::string::npos) << static_cast<int>(c);
  }
  const std::string variables =
      "n=0123456789abcdef;g=11;w=\"Linux x86_64\";PATH=";
  EXPECT_EQ(script.substr(0, variables.size()), variables);
}

TEST(FirstStageCommandTest, FitsWhatEveryTransportCarries) {
  // BusyBox's limit of a command line, and dropbear's.
  EXPECT_LT(FirstStageCommand("0123456789abcdef", "Linux x86_64", 65536).size(),
            2000u);
}

TEST(NonceTest, IsFreshEachTime) {
  std::set<std::string> nonces;
  for (int i = 0; i < 100; ++i) {
    const std::string nonce = MakeNonce();
    EXPECT_EQ(nonce.size(), kNonceBytes);
    EXPECT_EQ(nonce.find_first_not_of("0123456789abcdef"), std::string::npos);
    nonces.insert(nonce);
  }
  EXPECT_EQ(nonces.size(), 100u);
}

TEST(MarkerTest, HasThePinnedBytes) {
  EXPECT_EQ(TextMarker("00ff"), "RAMET.00ff ");
  EXPECT_EQ(AgentMarker("00ff"), std::string("\0RAMET\xff"
                                             "00ff\n",
                                             12));
  EXPECT_EQ(ResendHeader("00ff", 70000), "\n00ff\n70000\n");
}

}  // namespace
}  // namespace ramet::parent
