// Who is told that a context is lost: everybody who has exchanged frames with
// it. And what a child that floods costs the others.

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

// What `edge` was told to be lost since the last call, with the reasons.
std::vector<std::string> TakeLost(Edge* edge) {
  std::vector<std::string> lost;
  for (const RawFrame& frame : edge->peer.TakeFrames()) {
    if (frame.header.handle != kDelRoute) continue;
    EXPECT_EQ(frame.header.src_id, kSelf);
    EXPECT_EQ(frame.header.auth_id, kSelf);
    EXPECT_EQ(frame.header.reply_to, kNoHandle);
    EXPECT_EQ(frame.header.dst_id, edge->link->peer_id());
    DelRoute message;
    EXPECT_TRUE(ParseControl(frame.payload, &message));
    lost.push_back(std::to_string(message.id) + " " + message.reason);
  }
  return lost;
}

using Lost = std::vector<std::string>;

TEST_F(RouterTest, WhoHasAddressedALostContextIsTold) {
  SendAddRoute(&right_, kRight, kRightBlock);
  Send(&left_, Frame(kLeft, kRightBlock));
  TakeOutput();
  SendDelRoute(&right_, kRight, kRightBlock);
  EXPECT_EQ(TakeLost(&left_), Lost{"200 it ended"});
  EXPECT_EQ(TakeLost(&parent_), Lost{"200 it ended"});
  EXPECT_EQ(TakeLost(&right_), Lost{});
}

TEST_F(RouterTest, WhoWasAddressedByALostContextIsTold) {
  SendAddRoute(&right_, kRight, kRightBlock);
  Send(&right_, Frame(kRightBlock, kLeft));
  TakeOutput();
  right_.peer.Close();
  network_.Settle();
  EXPECT_EQ(TakeLost(&left_), Lost{"200 lost right"}) << "and of 8 never heard";
}

TEST_F(RouterTest, WhoHasNothingToDoWithALostContextIsNotTold) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  Send(&parent_, Frame(kParent, kRight));
  Send(&right_, Frame(kRight, kParent));
  Send(&right_, Frame(kRight, kSelf));
  TakeOutput();
  SendDelRoute(&left_, kLeft, kLeftBlock);
  EXPECT_EQ(TakeOutput(), kToParent);
}

TEST_F(RouterTest, AFrameThatWasRefusedMakesNobodyKnown) {
  router_.set_unidirectional(true);
  Send(&right_, Frame(kRight, kLeft));
  TakeOutput();
  left_.peer.Close();
  network_.Settle();
  EXPECT_EQ(TakeLost(&right_), Lost{});
}

TEST_F(RouterTest, AModuleIsNotTold) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  router_.Relay(module_.link, Frame(kSelf, kLeftBlock), "answer");
  network_.Settle();
  TakeOutput();
  SendDelRoute(&left_, kLeft, kLeftBlock);
  EXPECT_EQ(TakeOutput(), kToParent);
}

TEST_F(RouterTest, TheParentTellsOfWhoIsLostBesideOrAbove) {
  SendDelRoute(&parent_, kParent, kStranger);
  EXPECT_EQ(events_, std::vector<std::string>{"route 500: it ended"});
  EXPECT_EQ(TakeOutput(), kNothing) << "nobody here knows 500";
  Send(&left_, Frame(kLeft, kStranger));
  Send(&parent_, Frame(kStranger + 1, kRight));
  TakeOutput();
  SendDelRoute(&parent_, kParent, kStranger);
  EXPECT_EQ(TakeLost(&left_), Lost{"500 it ended"});
  EXPECT_EQ(TakeLost(&right_), Lost{"500 it ended"})
      << "for what is above, only whether anybody is known is remembered";
  EXPECT_EQ(TakeLost(&parent_), Lost{});
}

TEST_F(RouterTest, FramesToAndFromTheWayUpMakeNobodyKnown) {
  for (ContextId above : {kParent, kMasterId}) {
    Send(&left_, Frame(kLeft, above));
    Send(&parent_, Frame(above, kRight));
  }
  TakeOutput();
  SendDelRoute(&parent_, kParent, kStranger);
  EXPECT_EQ(TakeOutput(), kNothing);
}

TEST_F(RouterTest, TheParentIsNotBelievedAboutWhatIsBelow) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  TakeOutput();
  uint64_t refused = 0;
  for (ContextId id : {kLeft, kLeftBlock, kRight, kModule, kSelf}) {
    SendDelRoute(&parent_, kParent, id);
    EXPECT_EQ(router_.refused_routes(), ++refused) << id;
  }
  EXPECT_TRUE(router_.HasRoute(kLeftBlock));
  EXPECT_TRUE(events_.empty());
}

// Whoever is beside or above can't say so in the parent's name.
TEST_F(RouterTest, NobodyButTheParentTellsOfWhoIsLostBeside) {
  SendDelRoute(&parent_, kStranger, kStranger + 1);
  SendDelRoute(&parent_, kMasterId, kStranger + 1);
  EXPECT_EQ(local_.size(), 2u) << "ordinary frames, to a handle nobody serves";
  SendDelRoute(&left_, kLeft, kStranger);
  SendDelRoute(&left_, kLeft, kRight);
  EXPECT_EQ(router_.refused_routes(), 2u);
  SendDelRoute(&left_, kParent, kStranger);
  EXPECT_EQ(router_.refused_sources(), 1u);
  EXPECT_TRUE(events_.empty());
}

TEST_F(RouterTest, ALossIsAFailureWhateverItsCode) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  TakeOutput();
  FrameHeader header = Frame(kLeft, kSelf, kNoHandle);
  header.handle = kDelRoute;
  Send(&left_, header, SerializeControl(DelRoute{kLeftBlock, 0, "fine"}));
  const std::vector<RawFrame> frames = parent_.peer.TakeFrames();
  ASSERT_EQ(frames.size(), 1u);
  DelRoute message;
  ASSERT_TRUE(ParseControl(frames[0].payload, &message));
  EXPECT_EQ(message.code, static_cast<uint32_t>(Code::kUnavailable));
}

class RouterFloodTest : public RouterTest {
 protected:
  // Sends one frame many times, more than a burst, in one piece.
  void Flood(Edge* edge, FrameHeader header) {
    const std::string frame = FrameBytes(header);
    std::string bytes;
    for (int64_t i = 0; i < FrameBudget::kBurst + 5000; ++i) bytes += frame;
    edge->peer.SendBytes(bytes);
    network_.Settle();
  }
  static FrameHeader Control(ContextId src, ContextId dst, HandleId handle) {
    FrameHeader header = Frame(src, dst, kNoHandle);
    header.handle = handle;
    return header;
  }
  void Wait(int64_t us) {
    clock_.Advance(us);
    network_.Settle();
  }
};

TEST_F(RouterFloodTest, AFloodOfControlFramesStopsTheFlooderOnly) {
  Flood(&left_, Control(kLeft, kSelf, kPing));
  EXPECT_TRUE(left_.link->paused());
  EXPECT_EQ(left_.link->counters().slowed, 1u);
  EXPECT_EQ(told_of_refusals_, 1u);
  TakeOutput();
  Send(&left_, Frame(kLeft, kSelf));
  EXPECT_EQ(TakeOutput(), kNothing) << "it waits";
  Send(&right_, Control(kRight, kSelf, kPing));
  EXPECT_EQ(TakeOutput(), kToLocal);
}

TEST_F(RouterFloodTest, ItIsReadAgainAndLosesNothing) {
  Flood(&left_, Control(kLeft, kSelf, kPing));
  size_t arrived = TakeOutput().local;
  for (int i = 0; i < 1000; ++i) {
    Wait(20'000);
    arrived += TakeOutput().local;
  }
  EXPECT_FALSE(left_.link->paused());
  EXPECT_EQ(arrived, static_cast<size_t>(FrameBudget::kBurst + 5000));
}

TEST_F(RouterFloodTest, WhatIsChargedIsWhatCostsWork) {
  const std::vector<HandleId> handles = {kAddRoute, kDelRoute,  kAllocateId,
                                         kPing,     kGetModule, 999};
  for (HandleId handle : handles) {
    left_.link->frame_budget() = FrameBudget();
    Flood(&left_, Control(kLeft, kSelf, handle));
    EXPECT_TRUE(left_.link->paused()) << handle;
    for (int i = 0; i < 1000; ++i) Wait(20'000);
    EXPECT_FALSE(left_.link->paused()) << handle;
  }
  // Forged ones, and those to nowhere, whatever they are for.
  Flood(&left_, Frame(kRight, kSelf));
  EXPECT_TRUE(left_.link->paused());
}

TEST_F(RouterFloodTest, CallsAnswersAndLogsAreNot) {
  const std::vector<HandleId> handles = {kCallFunction, kForwardLog,
                                         kFirstDynamicHandle};
  for (HandleId handle : handles) {
    Flood(&left_, Control(kLeft, kSelf, handle));
    EXPECT_FALSE(left_.link->paused()) << handle;
  }
  // Nor what comes from the parent, who is trusted.
  Flood(&parent_, Control(kParent, kSelf, kPing));
  EXPECT_FALSE(parent_.link->paused());
}

TEST_F(RouterFloodTest, ControlFramesToOthersAreChargedWhereTheyPass) {
  Flood(&left_, Control(kLeft, kRight, kPing));
  EXPECT_TRUE(left_.link->paused());
}

TEST_F(RouterFloodTest, ADrainedParentDoesNotEndTheWait) {
  parent_.peer.Pause(true);
  Flood(&left_, Control(kLeft, kSelf, kPing));
  FrameHeader up = Frame(kRight, kParent);
  const std::string piece(kMaxPayloadBytes, 'u');
  for (size_t sent = 0; sent < 4 * Link::kHighWatermarkBytes;
       sent += piece.size()) {
    right_.peer.Send(up, piece);
  }
  network_.Settle();
  EXPECT_TRUE(right_.link->paused());
  parent_.peer.Pause(false);
  network_.Settle();
  EXPECT_FALSE(right_.link->paused());
  EXPECT_TRUE(left_.link->paused());
}

TEST_F(RouterFloodTest, AFlooderMayEndWhileItWaits) {
  Flood(&left_, Control(kLeft, kSelf, kPing));
  left_.peer.Close();
  Wait(20'000);
  EXPECT_TRUE(router_.HasRoute(kLeft)) << "what it sent is read first";
  for (int i = 0; i < 1000; ++i) Wait(20'000);
  EXPECT_FALSE(router_.HasRoute(kLeft));
  router_.CloseLink(right_.link, Status(Code::kAborted, "enough"));
}

TEST_F(RouterFloodTest, LogLinesNeverFillTheWayUp) {
  parent_.peer.Pause(true);
  FrameHeader log = Control(kLeft, kMasterId, kForwardLog);
  const std::string line(4000, 'l');
  for (int i = 0; i < 2000; ++i) left_.peer.Send(log, line);
  network_.Settle();
  EXPECT_FALSE(left_.link->paused());
  EXPECT_LE(parent_.link->queued_bytes(), Link::kLowWatermarkBytes + 5000);
  EXPECT_GT(parent_.link->counters().refused_full, 0u);
}

}  // namespace
}  // namespace ramet::core
