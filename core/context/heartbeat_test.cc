#include "core/context/heartbeat.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"

namespace ramet::core {
namespace {

constexpr ContextId kParent = 2;
constexpr ContextId kChild = 7;
constexpr uint32_t kIntervalMs = 1000;
constexpr uint32_t kCount = 3;

class HeartbeatTest : public testing::Test {
 protected:
  // Half an interval at a time, as the heartbeat has it.
  void Pass(int half_intervals) {
    for (int i = 0; i < half_intervals; ++i) {
      clock_.Advance(500 * kIntervalMs);
      loop_.RunOnce(0);
      network_.Settle();
    }
  }

  // A context whose lost links are noted, below kParent.
  std::unique_ptr<Context> MakeContext(ContextId id) {
    auto context = std::make_unique<Context>(&loop_);
    context->router().SetSelf(id, "context");
    context->heartbeat().Start({kIntervalMs, kCount});
    context->AddLinkLostHandler([this](Link* link, const Status& why) {
      lost_.push_back(link->name() + ": " + why.message());
    });
    return context;
  }

  static FrameHeader FromChild(HandleId handle) {
    FrameHeader header;
    header.src_id = kChild;
    header.auth_id = kChild;
    header.dst_id = kParent;
    header.handle = handle;
    return header;
  }

  FakeClock clock_;
  EventLoop loop_{&clock_};
  MemoryNetwork network_{&loop_};
  std::vector<std::string> lost_;
};

TEST_F(HeartbeatTest, IdleContextsKeepEachOther) {
  MemoryNetwork::Pair pair = network_.MakePair();
  auto parent = MakeContext(kParent);
  auto child = MakeContext(kChild);
  parent->heartbeat().Watch(
      parent->router().AddChild(std::move(pair.a), kChild, "child"));
  child->heartbeat().Watch(
      child->router().AddParent(std::move(pair.b), kParent));
  Pass(100);
  EXPECT_TRUE(lost_.empty()) << lost_[0];
  // One ping an interval, and one answer.
  const Link* const link = child->router().parent();
  EXPECT_EQ(const_cast<Link*>(link)->counters().frames_in, 50u);
  EXPECT_EQ(const_cast<Link*>(link)->counters().frames_out, 50u);
}

TEST_F(HeartbeatTest, ChildThatSaysNothingIsGivenUpInTime) {
  MemoryNetwork::Pair pair = network_.MakePair();
  auto parent = MakeContext(kParent);
  RawPeer child(std::move(pair.b));
  parent->heartbeat().Watch(
      parent->router().AddChild(std::move(pair.a), kChild, "child"));
  Pass(2 * kCount - 2);
  EXPECT_TRUE(lost_.empty());
  const std::vector<RawFrame> pings = child.TakeFrames();
  ASSERT_EQ(pings.size(), 2u * kCount - 2);
  EXPECT_EQ(pings[0].header.handle, kPing);
  EXPECT_EQ(pings[0].header.dst_id, kChild);
  Pass(2);
  ASSERT_EQ(lost_.size(), 1u);
  EXPECT_EQ(lost_[0], "child: no sign of life for 3000 ms");
  EXPECT_TRUE(child.ended());
}

// A tick may come in the turn in which the other end is started.
TEST_F(HeartbeatTest, NoPingGoesAheadOfTheHello) {
  MemoryNetwork::Pair pair = network_.MakePair();
  auto parent = MakeContext(kParent);
  RawPeer child(std::move(pair.b));
  // Right before the tick, in the same turn.
  loop_.RunAfter(499 * kIntervalMs, [&] {
    parent->heartbeat().Watch(
        parent->router().AddChild(std::move(pair.a), kChild, "child"));
    FrameHeader hello;
    hello.dst_id = kChild;
    hello.handle = kHello;
    parent->router().Send(hello, "hello");
  });
  Pass(4);
  const std::vector<RawFrame> frames = child.TakeFrames();
  ASSERT_GE(frames.size(), 3u);
  EXPECT_EQ(frames[0].header.handle, kHello);
  EXPECT_EQ(frames[1].header.handle, kPing);
}

TEST_F(HeartbeatTest, ParentThatSaysNothingIsGivenUpInTime) {
  MemoryNetwork::Pair pair = network_.MakePair();
  auto child = MakeContext(kChild);
  RawPeer parent(std::move(pair.b));
  child->heartbeat().Watch(
      child->router().AddParent(std::move(pair.a), kParent));
  Pass(2 * kCount - 2);
  EXPECT_TRUE(lost_.empty());
  Pass(2);
  EXPECT_EQ(lost_.size(), 1u);
  // The parent asks; the child only answers.
  EXPECT_TRUE(parent.TakeFrames().empty());
}

TEST_F(HeartbeatTest, WhateverComesIsASignOfLife) {
  MemoryNetwork::Pair pair = network_.MakePair();
  auto parent = MakeContext(kParent);
  RawPeer child(std::move(pair.b));
  parent->heartbeat().Watch(
      parent->router().AddChild(std::move(pair.a), kChild, "child"));
  for (int i = 0; i < 20; ++i) {
    Pass(2 * kCount - 2);
    child.SendBytes("R");  // the beginning of a frame
    network_.Settle();
    Pass(1);
    child.SendBytes(FrameBytes(FromChild(kPing)).substr(1));
    network_.Settle();
    ASSERT_TRUE(lost_.empty()) << lost_[0];
  }
  // And a child that talks all the time is still pinged, for its own sake.
  child.TakeFrames();
  for (int i = 0; i < 4; ++i) {
    child.Send(FromChild(kPing));
    Pass(1);
  }
  EXPECT_GE(child.TakeFrames().size(), 2u);
}

TEST_F(HeartbeatTest, PeerThatIsNotReadIsNotBlamed) {
  MemoryNetwork::Pair pair = network_.MakePair();
  auto parent = MakeContext(kParent);
  RawPeer child(std::move(pair.b));
  Link* const link =
      parent->router().AddChild(std::move(pair.a), kChild, "child");
  parent->heartbeat().Watch(link);
  link->PauseRead(true);
  Pass(10 * kCount);
  EXPECT_TRUE(lost_.empty());
  link->PauseRead(false);
  Pass(2 * kCount);
  EXPECT_EQ(lost_.size(), 1u);
}

TEST_F(HeartbeatTest, SlowPeerThatGoesOnTakingIsNotBlamed) {
  MemoryNetwork::Pair pair = network_.MakePair();
  const std::shared_ptr<MemoryPipe> way = pair.a_to_b;
  way->capacity = 64 * 1024;
  auto parent = MakeContext(kParent);
  std::unique_ptr<ByteStream> child = std::move(pair.b);
  Link* const link =
      parent->router().AddChild(std::move(pair.a), kChild, "child");
  parent->heartbeat().Watch(link);
  FrameHeader bulk;
  bulk.dst_id = kChild;
  bulk.handle = kLoadModule;
  for (int i = 0; i < 32; ++i) {
    parent->router().Send(bulk, std::string(kMaxPayloadBytes, 'm'));
  }
  std::string taken(16 * 1024, '\0');
  for (int i = 0; i < 10 * static_cast<int>(kCount); ++i) {
    Pass(1);
    ASSERT_GT(child->Read(taken.data(), taken.size()), 0);
    network_.Wake();
    network_.Settle();
    ASSERT_TRUE(link->blocked());
    ASSERT_TRUE(lost_.empty()) << lost_[0];
  }
  Pass(2 * kCount);  // now it takes nothing any more
  EXPECT_EQ(lost_.size(), 1u);
}

TEST_F(HeartbeatTest, LinksThatAreNotWatchedOrForgottenStay) {
  auto parent = MakeContext(kParent);
  MemoryNetwork::Pair starting = network_.MakePair();
  RawPeer starting_child(std::move(starting.b));
  parent->router().AddChild(std::move(starting.a), kChild, "starting");
  MemoryNetwork::Pair forgotten = network_.MakePair();
  RawPeer forgotten_child(std::move(forgotten.b));
  Link* const link =
      parent->router().AddChild(std::move(forgotten.a), kChild + 1, "child");
  parent->heartbeat().Watch(link);
  parent->heartbeat().Forget(link);
  Pass(4 * kCount);
  EXPECT_TRUE(lost_.empty());
  EXPECT_TRUE(starting_child.TakeFrames().empty());
}

TEST_F(HeartbeatTest, LinkThatIsLostIsForgotten) {
  auto parent = MakeContext(kParent);
  MemoryNetwork::Pair pair = network_.MakePair();
  auto child = std::make_unique<RawPeer>(std::move(pair.b));
  parent->heartbeat().Watch(
      parent->router().AddChild(std::move(pair.a), kChild, "child"));
  child.reset();
  network_.Settle();
  ASSERT_EQ(lost_.size(), 1u);
  Pass(4 * kCount);  // under ASan: it is not looked at any more
  EXPECT_EQ(lost_.size(), 1u);
}

TEST_F(HeartbeatTest, NoIntervalNoHeartbeat) {
  Context context(&loop_);
  context.router().SetSelf(kParent, "context");
  context.heartbeat().Start({0, kCount});
  MemoryNetwork::Pair pair = network_.MakePair();
  RawPeer child(std::move(pair.b));
  context.heartbeat().Watch(
      context.router().AddChild(std::move(pair.a), kChild, "child"));
  Pass(100);
  EXPECT_FALSE(child.ended());
  EXPECT_TRUE(child.TakeFrames().empty());
}

TEST_F(HeartbeatTest, TicksTellWhetherAnythingHappened) {
  auto parent = MakeContext(kParent);
  MemoryNetwork::Pair pair = network_.MakePair();
  RawPeer child(std::move(pair.b));
  parent->heartbeat().Watch(
      parent->router().AddChild(std::move(pair.a), kChild, "child"));
  std::vector<bool> quiet;
  parent->heartbeat().AddTickHandler([&](bool q) { quiet.push_back(q); });
  Pass(1);
  child.Send(FromChild(kPing));
  Pass(1);
  EXPECT_EQ(quiet, (std::vector<bool>{true, false}));
}

}  // namespace
}  // namespace ramet::core
