#include "server/context_directory.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "parent/hop.h"

namespace ramet::server {
namespace {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::RawFrame;
using core::RawPeer;
using core::Status;

class NoImages final : public parent::AgentImages {
 public:
  const parent::AgentImage& own() const override { return image_; }
  const parent::AgentImage& Guess(std::string_view) const override {
    return image_;
  }
  void Find(std::string_view, Waiter* waiter) override {
    waiter->OnImage(nullptr);
  }
  void Forget(Waiter*) override {}

 private:
  parent::AgentImage image_{"linux-x86_64", "Linux x86_64", -1, -1};
};

// A master with one child, `local:`, that says whatever a test tells it to.
class ContextDirectoryTest : public testing::Test {
 protected:
  ContextDirectoryTest() {
    context_.ids().Add(1, 1'000'000);
    Connect("local:");
    const RawFrame hello = child_->TakeFrames().at(0);
    EXPECT_TRUE(core::ParseControl(hello.payload, &hello_));
    core::HelloReply reply;
    reply.version = core::kProtocolVersion;
    reply.platform = "linux-x86_64";
    Say(core::kHello, core::SerializeControl(reply));
    EXPECT_TRUE(results_.at("local:").ok());
  }

  void Connect(const std::string& target) {
    std::vector<parent::Hop> hops;
    ASSERT_TRUE(parent::ParseTarget(target, &hops).ok());
    directory_.WhenReady(
        hops, options_,
        [this, target](const Status& status, ContextDirectory::Entry*) {
          results_[target] = status;
        });
    network_.Settle();
  }
  void Say(core::HandleId handle, const std::string& payload) {
    FrameHeader header;
    header.src_id = header.auth_id = hello_.child_id;
    header.handle = handle;
    child_->Send(header, payload);
    network_.Settle();
  }
  void Announce(ContextId id) {
    Say(core::kAddRoute, core::SerializeControl(core::AddRoute{id, "below"}));
  }
  // Answers the StartChild that connecting `target` leads to.
  Status ConnectAndClaim(const std::string& target, ContextId id,
                         const std::string& platform = "") {
    Connect(target);
    const std::vector<RawFrame> frames = child_->TakeFrames();
    EXPECT_EQ(frames.size(), 1u);
    request_ = RequestIn(frames.at(0).payload);
    core::StartChildReply reply;
    reply.id = id;
    reply.hello.platform = platform;
    core::PartWriter writer([&](std::string_view payload) {
      Say(frames.at(0).header.reply_to, std::string(payload));
    });
    writer.AddMessage(core::SerializeControl(reply));
    writer.AddTrailers({});
    writer.Flush();
    return results_.at(target);
  }

  // Of a call of StartChild.
  static core::StartChildRequest RequestIn(std::string_view payload) {
    core::PartReader reader(payload);
    core::Part part;
    core::StartChildRequest request;
    EXPECT_TRUE(reader.Next(&part) && reader.Next(&part));
    EXPECT_EQ(part.kind, core::PartKind::kMessage);
    part.bytes.remove_prefix(core::kMessagePrefixBytes);
    EXPECT_TRUE(core::ParseControl(part.bytes, &request));
    return request;
  }

  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  NoImages images_;
  core::Context context_{&loop_};
  std::unique_ptr<RawPeer> child_;
  parent::ChildStarter children_{
      &context_, &images_,
      [this](core::EventLoop*, const parent::AgentImage&) {
        core::MemoryNetwork::Pair pair = network_.MakePair();
        child_ = std::make_unique<RawPeer>(std::move(pair.b));
        return std::move(pair.a);
      },
      nullptr};
  ContextDirectory directory_{&context_, &children_};
  core::Hello hello_;
  std::map<std::string, Status> results_;
  DirectoryOptions options_;
  core::StartChildRequest request_;
};

TEST_F(ContextDirectoryTest, AContextThatWasAnnouncedByItsParentIsTaken) {
  Announce(hello_.grant_first);
  EXPECT_TRUE(ConnectAndClaim("local:/ssh:a", hello_.grant_first).ok());
  EXPECT_EQ(directory_.NameOf(hello_.grant_first), "local:/ssh:a");
}

TEST_F(ContextDirectoryTest, AContextIsSentTheLocksThatNoneAboveItHolds) {
  std::vector<std::string> now{"=a\n-a\n"};
  directory_.SetLockSource([&now](const std::string& name) {
    std::vector<std::string> locks = now;
    if (name == "local:x/ssh:b") locks.push_back("=b\n-b\n");
    return locks;
  });
  Connect("local:x");
  const RawFrame frame = child_->TakeFrames().at(0);
  ASSERT_TRUE(core::ParseControl(frame.payload, &hello_));
  EXPECT_EQ(hello_.module_locks, "=a\n-a\n");
  core::HelloReply reply;
  reply.version = core::kProtocolVersion;
  Say(core::kHello, core::SerializeControl(reply));

  now.push_back("=a\n");  // a lock of its own, not a part of the other
  Announce(hello_.grant_first);
  ASSERT_TRUE(ConnectAndClaim("local:x/ssh:b", hello_.grant_first).ok());
  EXPECT_EQ(request_.module_locks, "=a\n=b\n-b\n");
  EXPECT_EQ(directory_.FindLinked("local:x")->locks,
            std::vector<std::string>{"=a\n-a\n"});
  EXPECT_EQ(directory_.FindLinked("local:x/ssh:b")->locks,
            (std::vector<std::string>{"=a\n-a\n", "=a\n", "=b\n-b\n"}));
}

TEST_F(ContextDirectoryTest, AContextThatHadToHoldTooMuchIsNotStarted) {
  directory_.SetLockSource([](const std::string&) {
    return std::vector<std::string>{"=" + std::string(32 * 1024, 'x') + "\n"};
  });
  for (const char* target : {"local:x", "local:/ssh:a"}) {
    Connect(target);
    EXPECT_EQ(results_.at(target).code(), Code::kResourceExhausted) << target;
    EXPECT_NE(results_.at(target).message().find(
                  "its locked module rules have 32770 bytes"),
              std::string::npos)
        << results_.at(target).message();
    EXPECT_EQ(directory_.FindLinked(target), nullptr);
  }
  EXPECT_TRUE(child_->TakeFrames().empty());
}

TEST_F(ContextDirectoryTest, EachParentIsToldWhereItsChildKeepsImages) {
  options_.cache_dir = "cache";
  options_.cache_mib = 17;
  Announce(hello_.grant_first);
  EXPECT_TRUE(ConnectAndClaim("local:/ssh:a", hello_.grant_first).ok());
  EXPECT_EQ(request_.cache_dir, "cache");
  EXPECT_EQ(request_.cache_mib, 17u);
}

TEST_F(ContextDirectoryTest, ThePlatformOfAContextIsGuessedRightTheNextTime) {
  const ContextId a = hello_.grant_first;
  for (const char* expected : {"", "linux-aarch64", "linux-aarch64"}) {
    Announce(a);
    ASSERT_TRUE(ConnectAndClaim("local:/ssh:a", a, "linux-aarch64").ok());
    EXPECT_EQ(request_.platform, expected);
    EXPECT_EQ(directory_.FindLinked("local:/ssh:a")->platform, "linux-aarch64");
    Say(core::kDelRoute,
        core::SerializeControl(core::DelRoute{a, 14, "ended"}));
    ASSERT_EQ(directory_.FindLinked("local:/ssh:a"), nullptr);
  }
  // It was reinstalled; and there is no agent for what it says next.
  for (const char* platform : {"linux-x86_64", "plan9-mips", "linux-x86_64"}) {
    Announce(a);
    ASSERT_TRUE(ConnectAndClaim("local:/ssh:a", a, platform).ok());
    Say(core::kDelRoute,
        core::SerializeControl(core::DelRoute{a, 14, "ended"}));
  }
  EXPECT_EQ(request_.platform, "");
}

TEST_F(ContextDirectoryTest, ThePlatformOfTheLastHopMayBeSaid) {
  const ContextId a = hello_.grant_first;
  options_.platform = "linux-x86_64";
  // It turns out to be wrong: what was seen counts from then on.
  for (const char* expected : {"linux-x86_64", "linux-aarch64"}) {
    Announce(a);
    ASSERT_TRUE(ConnectAndClaim("local:/ssh:a", a, "linux-aarch64").ok());
    EXPECT_EQ(request_.platform, expected);
    Say(core::kDelRoute,
        core::SerializeControl(core::DelRoute{a, 14, "ended"}));
  }
  // A hop on the way is not meant.
  Connect("local:/ssh:b/ssh:c");
  const std::vector<RawFrame> frames = child_->TakeFrames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(RequestIn(frames[0].payload).platform, "");
  child_.reset();  // so that nobody waits for its answer
  network_.Settle();
  EXPECT_FALSE(results_.at("local:/ssh:b/ssh:c").ok());
}

TEST_F(ContextDirectoryTest, AParentsWordForWhoIsNotItsNewChildIsRefused) {
  constexpr ContextId kSibling = 500'000;
  core::MemoryNetwork::Pair pair = network_.MakePair();
  context_.router().AddChild(std::move(pair.a), kSibling, "sibling");
  Announce(hello_.grant_first);
  ASSERT_TRUE(ConnectAndClaim("local:/ssh:a", hello_.grant_first).ok());
  for (ContextId id :
       {core::kMasterId, core::kUnknownId, kSibling, hello_.child_id,
        hello_.grant_first, hello_.grant_first + 1}) {
    EXPECT_EQ(ConnectAndClaim("local:/ssh:b", id).code(), Code::kInternal)
        << id;
  }
  EXPECT_EQ(directory_.NameOf(hello_.child_id), "local:");
  EXPECT_EQ(directory_.NameOf(hello_.grant_first), "local:/ssh:a");
  EXPECT_EQ(directory_.List().size(), 2u);
}

TEST_F(ContextDirectoryTest, AParentsWordThatItEndedAChildIsNotEnough) {
  const ContextId a = hello_.grant_first;
  Announce(a);
  ASSERT_TRUE(ConnectAndClaim("local:/ssh:a", a).ok());
  const auto disconnect = [&](bool ended) {
    Status result(Code::kUnknown, "still waiting");
    directory_.Disconnect("local:/ssh:a", 0,
                          [&](const Status& status) { result = status; });
    network_.Settle();
    const RawFrame asked = child_->TakeFrames().at(0);
    if (ended) {
      Say(core::kDelRoute,
          core::SerializeControl(core::DelRoute{a, 14, "ended"}));
    }
    core::PartWriter writer([&](std::string_view payload) {
      Say(asked.header.reply_to, std::string(payload));
    });
    writer.AddMessage({});
    writer.AddTrailers({});
    writer.Flush();
    return result;
  };
  EXPECT_EQ(disconnect(false).code(), Code::kInternal);
  EXPECT_TRUE(disconnect(true).ok());
  EXPECT_EQ(directory_.List().size(), 1u);
}

TEST_F(ContextDirectoryTest, DeadRepliesAreBelievedFromTheHopsOnTheWayOnly) {
  const ContextId a = hello_.grant_first;
  const ContextId beside = a + 1;
  Announce(a);
  Announce(beside);
  ASSERT_TRUE(ConnectAndClaim("local:/ssh:a", a).ok());
  ASSERT_TRUE(ConnectAndClaim("local:/ssh:b", beside).ok());
  Connect("local:/ssh:a/ssh:c");  // waits for an answer of `a`
  const RawFrame asked = child_->TakeFrames().at(0);
  ASSERT_EQ(asked.header.dst_id, a);
  const auto give_up = [&](ContextId src) {
    FrameHeader header;
    header.flags = core::kFlagDead;
    header.src_id = header.auth_id = src;
    header.handle = asked.header.reply_to;
    child_->Send(header, core::SerializeControl(core::Dead{14, "gone"}));
    network_.Settle();
  };
  give_up(beside);
  EXPECT_EQ(results_.count("local:/ssh:a/ssh:c"), 0u);
  give_up(hello_.child_id);
  ASSERT_EQ(results_.count("local:/ssh:a/ssh:c"), 1u);
  EXPECT_EQ(results_.at("local:/ssh:a/ssh:c").message(), "gone");
}

class DetachTest : public ContextDirectoryTest {
 protected:
  void Detach(const std::string& name) {
    directory_.Detach(
        name, [this](const Status& status) { detached_.push_back(status); });
    network_.Settle();
  }
  // The only result so far.
  Code Result() const {
    EXPECT_EQ(detached_.size(), 1u);
    return detached_.size() == 1 ? detached_[0].code() : Code::kUnknown;
  }

  std::vector<Status> detached_;
};

TEST_F(DetachTest, AChildOfTheMasterIsForgotten) {
  Detach("local:");
  Say(child_->TakeFrames().at(0).header.reply_to, "");
  EXPECT_EQ(Result(), Code::kOk);
  EXPECT_TRUE(directory_.List().empty());
  // Its limit passes later, and means nothing.
  clock_.Advance(10'000'000);
  network_.Settle();
  EXPECT_EQ(Result(), Code::kOk);
}

TEST_F(DetachTest, OneThatDoesNotAnswerIsKept) {
  Detach("local:");
  clock_.Advance(4'000'000);
  network_.Settle();
  EXPECT_TRUE(detached_.empty());
  clock_.Advance(2'000'000);
  network_.Settle();
  EXPECT_EQ(Result(), Code::kDeadlineExceeded);
  EXPECT_EQ(detached_[0].message(),
            "cannot detach local:: local: did not answer");
  EXPECT_EQ(directory_.List().size(), 1u);
}

TEST_F(DetachTest, WhoIsNotThereOrIsBeingEndedIsRefused) {
  Detach("ssh:nobody");
  EXPECT_EQ(Result(), Code::kNotFound);
  detached_.clear();
  directory_.Disconnect("local:", 3000, [](const Status&) {});
  Detach("local:");
  EXPECT_EQ(Result(), Code::kFailedPrecondition);
}

TEST_F(DetachTest, AParentsWordThatItLetAChildGoIsNotEnough) {
  const ContextId a = hello_.grant_first;
  Announce(a);
  ASSERT_TRUE(ConnectAndClaim("local:/ssh:a", a).ok());
  for (bool gone : {false, true}) {
    detached_.clear();
    Detach("local:/ssh:a");
    const RawFrame asked = child_->TakeFrames().at(0);
    EXPECT_EQ(asked.header.dst_id, hello_.child_id) << "the parent is asked";
    if (gone) {
      Say(core::kDelRoute,
          core::SerializeControl(core::DelRoute{a, 14, "detached"}));
    }
    core::PartWriter writer([&](std::string_view payload) {
      Say(asked.header.reply_to, std::string(payload));
    });
    writer.AddMessage({});
    writer.AddTrailers({});
    writer.Flush();
    EXPECT_EQ(Result(), gone ? Code::kOk : Code::kInternal);
    EXPECT_EQ(directory_.List().size(), gone ? 1u : 2u);
  }
}

}  // namespace
}  // namespace ramet::server
