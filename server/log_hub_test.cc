#include "server/log_hub.h"

#include <gtest/gtest.h>

#include <string>

namespace ramet::server {
namespace {

class LogHubTest : public testing::Test {
 protected:
  void Say(const std::string& context, uint32_t level,
           const std::string& text) {
    hub_.OnLine({context, level, "probe stdout", text});
  }

  OpenStreams streams_;
  LogHub hub_{&streams_};
};

TEST_F(LogHubTest, GivesTheLinesOfASubtreeFromALevelOn) {
  const auto reader = hub_.Subscribe("ssh:web1", 1);
  Say("ssh:web1", 1, "a");
  Say("ssh:web1", 0, "too low");
  Say("ssh:web10", 3, "elsewhere");
  Say("ssh:web1/local:", 2, "b");
  EXPECT_EQ(reader->TakeNext()->line.text, "a");
  EXPECT_EQ(reader->TakeNext()->line.text, "b");
  EXPECT_FALSE(reader->TakeNext().has_value());
  EXPECT_EQ(hub_.dropped(), 0u);
}

TEST_F(LogHubTest, ASlowReaderLosesLinesAndIsToldHowMany) {
  const auto slow = hub_.Subscribe("", 0);
  const auto fast = hub_.Subscribe("", 0);
  const std::string text(1000, 'x');
  const int kLines = 2000;
  for (int i = 0; i < kLines; ++i) {
    Say("local:", 1, text);
    ASSERT_EQ(fast->TakeNext()->dropped, 0u);
  }
  uint64_t got = 0;
  uint64_t lost = 0;
  while (auto line = slow->TakeNext()) {
    lost += line->dropped;
    if (!line->line.context.empty()) ++got;
  }
  EXPECT_EQ(got + lost, static_cast<uint64_t>(kLines));
  EXPECT_LE(got * text.size(), LogHub::kMaxQueuedBytes);
  EXPECT_GE(got * text.size(), LogHub::kMaxQueuedBytes / 2);
  EXPECT_EQ(hub_.dropped(), lost);
  // It has caught up: nothing is lost any more.
  Say("local:", 1, "again");
  const auto line = slow->TakeNext();
  EXPECT_EQ(line->line.text, "again");
  EXPECT_EQ(line->dropped, 0u);
}

TEST_F(LogHubTest, EmptyLinesAreBoundedToo) {
  const auto slow = hub_.Subscribe("", 0);
  for (int i = 0; i < 100'000; ++i) Say("", 1, "");
  uint64_t got = 0;
  while (auto line = slow->TakeNext()) ++got;
  EXPECT_LE(got * sizeof(LogHub::Line), LogHub::kMaxQueuedBytes + 1000);
}

}  // namespace
}  // namespace ramet::server
