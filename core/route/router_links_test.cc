#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/route/router.h"
#include "core/testing/raw_peer.h"
#include "core/testing/router_fixture.h"
#include "core/wire/control.h"

namespace ramet::core {
namespace {

TEST_F(RouterTest, ALostLinkTakesAllBehindItAlong) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  SendAddRoute(&left_, kLeft, kLeftBlock + 5);
  SendAddRoute(&right_, kRight, kRightBlock);
  TakeOutput();
  left_.peer.Close();
  network_.Settle();
  EXPECT_EQ(events_, (std::vector<std::string>{
                         "route 7: lost left", "route 100: lost left",
                         "route 105: lost left", "link left: lost left"}));
  std::vector<ContextId> told;
  for (const RawFrame& frame : parent_.peer.TakeFrames()) {
    EXPECT_EQ(frame.header.handle, kDelRoute);
    DelRoute message;
    ASSERT_TRUE(ParseControl(frame.payload, &message));
    EXPECT_EQ(message.reason, "lost left");
    told.push_back(message.id);
  }
  EXPECT_EQ(told, (std::vector<ContextId>{7, 100, 105}));
  EXPECT_EQ(router_.route_count(), 3u);  // right, its child, the module
  Send(&parent_, Frame(kParent, kLeftBlock, 1001));
  TakeDead(&parent_, kParent, 1001);
}

TEST_F(RouterTest, AnEndedLinksGrantsAreForgotten) {
  left_.peer.Close();
  network_.Settle();
  // A new child, whose link may stand where the old one stood.
  Edge fresh(&network_);
  router_.AddChild(std::move(fresh.stream), 10, "fresh");
  SendAddRoute(&fresh, 10, kLeftBlock);
  EXPECT_FALSE(router_.HasRoute(kLeftBlock));
  SendAddRoute(&right_, kRight, kRightBlock);
  EXPECT_TRUE(router_.HasRoute(kRightBlock)) << "another's grant stays";
}

TEST_F(RouterTest, GarbageCostsTheOffenderItsLinkAndNobodyElse) {
  left_.peer.SendBytes(std::string(1000, '?'));
  network_.Settle();
  EXPECT_EQ(events_.size(), 2u);
  EXPECT_TRUE(left_.peer.ended());
  EXPECT_FALSE(router_.HasRoute(kLeft));
  Send(&right_, Frame(kRight, kSelf));
  EXPECT_EQ(local_.size(), 1u);
}

TEST_F(RouterTest, CloseLinkEndsItWithTheGivenReasonOnce) {
  router_.CloseLink(left_.link, Status(Code::kAborted, "enough"));
  EXPECT_EQ(events_.size(), 2u);
  network_.Settle();
  EXPECT_TRUE(left_.peer.ended());
  EXPECT_EQ(events_.size(), 2u);
}

TEST_F(RouterTest, FramesBehindTheOneThatEndedTheirLinkAreNotActedUpon) {
  // The first makes the router close the link, in the middle of a read.
  router_.SetSelf(kUnknownId, "nobody yet");
  FrameHeader header = Frame(kParent, kSelf);
  parent_.peer.Send(header);
  parent_.peer.Send(header);
  header.handle = kHello;
  parent_.peer.Send(header);
  network_.Settle();
  EXPECT_TRUE(local_.empty());
  EXPECT_EQ(router_.parent(), nullptr);
}

TEST_F(RouterTest, AcceptsNothingBeforeAHello) {
  router_.SetSelf(kUnknownId, "nobody yet");
  FrameHeader header = Frame(kParent, kUnknownId);
  header.handle = kHello;
  Send(&parent_, header, "hello");
  ASSERT_EQ(local_.size(), 1u);
  EXPECT_EQ(local_[0].payload, "hello");
  Send(&parent_, Frame(kParent, kUnknownId));
  EXPECT_EQ(local_.size(), 1u);
  EXPECT_EQ(events_, std::vector<std::string>{"link parent: lost parent"});
}

TEST_F(RouterTest, WithoutItsParentItKeepsItsChildrenTogether) {
  parent_.peer.Close();
  network_.Settle();
  EXPECT_EQ(router_.parent(), nullptr);
  EXPECT_EQ(events_, std::vector<std::string>{"link parent: lost parent"});
  Send(&left_, Frame(kLeft, kRight));
  EXPECT_EQ(TakeOutput(), kToRight);
  Send(&left_, Frame(kLeft, kStranger, 1001));
  const Dead dead = TakeDead(&left_, kLeft, 1001);
  EXPECT_EQ(dead.message, "no route to 500 from 3 (web1)");
}

TEST_F(RouterTest, AFullLinkToADescendantIsAnsweredWithADeadReply) {
  left_.to_peer->capacity = 0;
  const std::string bulk(kMaxPayloadBytes, 'b');
  const size_t count = Link::kMaxQueuedBytes / kMaxPayloadBytes + 10;
  for (size_t i = 0; i < count; ++i) {
    right_.peer.Send(Frame(kRight, kLeft, 1001), bulk);
  }
  network_.Settle();
  const std::vector<RawFrame> frames = right_.peer.TakeFrames();
  ASSERT_GE(frames.size(), 9u);
  EXPECT_LE(frames.size(), 12u);
  Dead dead;
  ASSERT_TRUE(ParseControl(frames[0].payload, &dead));
  EXPECT_EQ(dead.code, static_cast<uint32_t>(Code::kResourceExhausted));
  EXPECT_NE(dead.message.find("link to left holds"), std::string::npos);
  EXPECT_LE(left_.link->queued_bytes(),
            Link::kMaxQueuedBytes + kMaxPayloadBytes);
}

// Somebody beside does not know who is on the way, and believes nobody else.
TEST_F(RouterTest, WhatCameFromAboveIsAnsweredInTheNameOfWhomItWasFor) {
  left_.to_peer->capacity = 0;
  const std::string bulk(kMaxPayloadBytes, 'b');
  const size_t count = Link::kMaxQueuedBytes / kMaxPayloadBytes + 10;
  for (size_t i = 0; i < count; ++i) {
    parent_.peer.Send(Frame(kStranger, kLeft, 1001), bulk);
  }
  network_.Settle();
  const std::vector<RawFrame> frames = parent_.peer.TakeFrames();
  ASSERT_FALSE(frames.empty());
  EXPECT_TRUE(frames[0].header.dead());
  EXPECT_EQ(frames[0].header.dst_id, kStranger);
  EXPECT_EQ(frames[0].header.src_id, kLeft);
  EXPECT_EQ(frames[0].header.auth_id, kSelf);
}

TEST_F(RouterTest, DeadRepliesToWhoDoesNotReadHaveALimit) {
  left_.to_peer->capacity = 0;
  const std::string bulk(kMaxPayloadBytes, 'd');
  const size_t count = 2 * Link::kMaxQueuedBytes / kMaxPayloadBytes;
  for (size_t i = 0; i < count; ++i) {
    FrameHeader dead = Frame(kLeft, kLeft, 1001);
    dead.flags = kFlagDead;
    left_.peer.Send(dead, bulk);
    network_.Settle();
  }
  EXPECT_GT(left_.link->queued_bytes(), Link::kMaxQueuedBytes);
  EXPECT_LE(left_.link->queued_bytes(),
            Link::kMaxQueuedBytes + 2 * Link::kReplyReserveBytes);
}

TEST_F(RouterTest, AFullWayUpPausesWhoWritesToItAndResumesAll) {
  parent_.to_peer->capacity = 0;
  std::string bulk(kMaxPayloadBytes, 'b');
  constexpr size_t kFrames = 200;  // 12 MiB from each
  for (size_t i = 0; i < kFrames; ++i) {
    bulk[0] = static_cast<char>(i);
    left_.peer.Send(Frame(kLeft, kParent, 1001), bulk);
    right_.peer.Send(Frame(kRight, kParent, 1001), bulk);
  }
  network_.Settle();
  // Paused after what one turn reads of each.
  EXPECT_GT(left_.peer.unsent_bytes(), 0u);
  EXPECT_GT(right_.peer.unsent_bytes(), 0u);
  EXPECT_LE(parent_.link->queued_bytes(),
            Link::kHighWatermarkBytes + 8 * EventLoop::kScratchBytes);
  // Frames for others from those who are not paused still pass.
  Send(&parent_, Frame(kParent, kLeft));
  EXPECT_EQ(left_.peer.TakeFrames().size(), 1u);

  parent_.to_peer->capacity = 1 << 20;
  network_.Wake();
  network_.Settle();
  const std::vector<RawFrame> frames = parent_.peer.TakeFrames();
  ASSERT_EQ(frames.size(), 2 * kFrames);
  char next_left = 0;
  char next_right = 0;
  for (const RawFrame& frame : frames) {
    char* const next = frame.header.src_id == kLeft ? &next_left : &next_right;
    ASSERT_EQ(frame.payload[0], (*next)++) << "in order";
  }
}

TEST_F(RouterTest, AChildThatIsLostWhilePausedIsNotResumed) {
  parent_.to_peer->capacity = 0;
  const std::string bulk(kMaxPayloadBytes, 'b');
  for (size_t i = 0; i < 100; ++i) {
    left_.peer.Send(Frame(kLeft, kParent, i), bulk);
  }
  network_.Settle();
  router_.CloseLink(left_.link, Status(Code::kAborted, "enough"));
  network_.Settle();
  parent_.to_peer->capacity = 1 << 30;
  network_.Wake();
  network_.Settle();
  EXPECT_EQ(parent_.link->queued_bytes(), 0u);
}

}  // namespace
}  // namespace ramet::core
