#include "server/tree_hub.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace ramet::server {
namespace {

using Kind = TreeChange::Kind;

TreeChange Change(Kind kind, std::string name) {
  TreeChange change;
  change.kind = kind;
  change.info.name = std::move(name);
  change.info.ready = kind == Kind::kReady;
  return change;
}

class TreeHubTest : public testing::Test {
 protected:
  // "+name" in snapshots, "kind:name" of changes, until there is nothing.
  std::string ReadAll(TreeHub::Subscription* reader) {
    std::string text;
    while (auto news = reader->TakeNext()) {
      if (const auto* part = std::get_if<TreeHub::SnapshotPart>(&*news)) {
        text += "[";
        for (const ContextInfo& info : part->contexts) text += "+" + info.name;
        text += part->more ? "..." : "]";
      } else {
        const TreeChange& change = std::get<TreeChange>(*news);
        text += std::to_string(static_cast<int>(change.kind)) + ":" +
                change.info.name + " ";
      }
    }
    return text;
  }

  OpenStreams streams_;
  TreeHub hub_{&streams_};
};

TEST_F(TreeHubTest, GivesTheTreeFirstAndThenWhatHappens) {
  hub_.OnChange(Change(Kind::kAdded, "local:"));
  const auto reader = hub_.Subscribe("");
  EXPECT_EQ(ReadAll(reader.get()), "[+local:]");
  hub_.OnChange(Change(Kind::kReady, "local:"));
  hub_.OnChange(Change(Kind::kLost, "local:"));
  EXPECT_EQ(ReadAll(reader.get()), "2:local: 3:local: ");
}

TEST_F(TreeHubTest, WhatHappensBeforeTheFirstReadIsInTheTree) {
  const auto reader = hub_.Subscribe("");
  hub_.OnChange(Change(Kind::kAdded, "a:"));
  hub_.OnChange(Change(Kind::kReady, "a:"));
  EXPECT_EQ(ReadAll(reader.get()), "[+a:]");
}

TEST_F(TreeHubTest, ShowsASubtreeOnly) {
  for (const char* name :
       {"ssh:web1", "ssh:web1/local:", "ssh:web10", "ssh:web1-b", "ssh:a"}) {
    hub_.OnChange(Change(Kind::kReady, name));
  }
  const auto reader = hub_.Subscribe("ssh:web1");
  EXPECT_EQ(ReadAll(reader.get()), "[+ssh:web1+ssh:web1/local:]");
  hub_.OnChange(Change(Kind::kLost, "ssh:web10"));
  hub_.OnChange(Change(Kind::kLost, "ssh:web1/local:"));
  EXPECT_EQ(ReadAll(reader.get()), "3:ssh:web1/local: ");
}

TEST_F(TreeHubTest, ASlowReaderGetsTheTreeAnew) {
  const auto reader = hub_.Subscribe("");
  EXPECT_EQ(ReadAll(reader.get()), "[]");
  for (size_t i = 0; i < 10 * TreeHub::kMaxQueuedChanges; ++i) {
    hub_.OnChange(Change(Kind::kAdded, "a:"));
    hub_.OnChange(Change(Kind::kLost, "a:"));
  }
  hub_.OnChange(Change(Kind::kReady, "b:"));
  // Whatever was lost on the way, the end is right.
  std::string text = ReadAll(reader.get());
  EXPECT_LT(text.size(), 10 * TreeHub::kMaxQueuedChanges);
  EXPECT_NE(text.find("b:"), std::string::npos) << text;
  hub_.OnChange(Change(Kind::kLost, "b:"));
  EXPECT_EQ(ReadAll(reader.get()), "3:b: ");
}

TEST_F(TreeHubTest, ALargeTreeComesInPartsAndMissesNothing) {
  const auto name = [](size_t i) {
    std::string digits = std::to_string(i);
    return "ssh:" + std::string(6 - digits.size(), '0') + digits;
  };
  for (size_t i = 0; i < 2 * TreeHub::kMaxSnapshotPart; ++i) {
    hub_.OnChange(Change(Kind::kReady, name(i)));
  }
  const auto reader = hub_.Subscribe("");
  auto first = reader->TakeNext();
  ASSERT_TRUE(std::get<TreeHub::SnapshotPart>(*first).more);
  hub_.OnChange(Change(Kind::kLost, name(0)));
  hub_.OnChange(Change(Kind::kLost, name(1999)));
  auto second = reader->TakeNext();
  const auto& part = std::get<TreeHub::SnapshotPart>(*second);
  EXPECT_FALSE(part.more);
  EXPECT_EQ(part.contexts.size(), TreeHub::kMaxSnapshotPart - 1);
  EXPECT_EQ(ReadAll(reader.get()), "3:ssh:000000 ");
}

TEST_F(TreeHubTest, Counts) {
  hub_.OnChange(Change(Kind::kAdded, "a:"));
  hub_.OnChange(Change(Kind::kReady, "b:"));
  EXPECT_EQ(hub_.Count().ready, 1);
  EXPECT_EQ(hub_.Count().connecting, 1);
  EXPECT_TRUE(hub_.Find("b:")->ready);
  EXPECT_FALSE(hub_.Find("c:").has_value());
}

}  // namespace
}  // namespace ramet::server
