#include "core/route/router.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/testing/raw_peer.h"
#include "core/testing/router_fixture.h"
#include "core/wire/control.h"

namespace ramet::core {
namespace {

TEST_F(RouterTest, PassesFramesOnUnchanged) {
  FrameHeader header = Frame(kStranger, kParent, kLeft, 77);
  header.flags = kFlagPriority;
  Send(&parent_, header, "the payload");
  ASSERT_EQ(left_.peer.frames().size(), 1u);
  header.length = 11;
  EXPECT_EQ(left_.peer.frames()[0].header, header);
  EXPECT_EQ(left_.peer.frames()[0].payload, "the payload");
}

TEST_F(RouterTest, RoutesDownwardsUpwardsAndToItself) {
  Send(&parent_, Frame(kParent, kLeft));
  EXPECT_EQ(TakeOutput(), kToLeft);
  Send(&parent_, Frame(kParent, kSelf));
  EXPECT_EQ(TakeOutput(), kToLocal);
  Send(&left_, Frame(kLeft, kRight));
  EXPECT_EQ(TakeOutput(), kToRight);
  Send(&left_, Frame(kLeft, kSelf));
  EXPECT_EQ(TakeOutput(), kToLocal);
  Send(&left_, Frame(kLeft, kParent));
  EXPECT_EQ(TakeOutput(), kToParent);
  Send(&left_, Frame(kLeft, kStranger));
  EXPECT_EQ(TakeOutput(), kToParent) << "who is not below is above";
}

TEST_F(RouterTest, TellsOverWhichLinkAFrameCame) {
  Send(&left_, Frame(kLeft, kSelf));
  Send(&parent_, Frame(kParent, kSelf));
  FrameHeader own;
  own.dst_id = kSelf;
  router_.Send(own, "to myself");
  ASSERT_EQ(local_from_.size(), 3u);
  EXPECT_EQ(local_from_[0], left_.link);
  EXPECT_EQ(local_from_[1], parent_.link);
  EXPECT_EQ(local_from_[2], nullptr);
  EXPECT_EQ(local_[2].header.src_id, kSelf);
  EXPECT_EQ(local_[2].header.auth_id, kSelf);
}

TEST_F(RouterTest, SendSetsSourceAndAuthority) {
  FrameHeader header = Frame(kStranger, kLeft);
  router_.Send(header, "x");
  network_.Settle();
  ASSERT_EQ(left_.peer.frames().size(), 1u);
  EXPECT_EQ(left_.peer.frames()[0].header.src_id, kSelf);
  EXPECT_EQ(left_.peer.frames()[0].header.auth_id, kSelf);
}

TEST_F(RouterTest, DropsAChildsFramesWithForgedSource) {
  uint64_t refused = 0;
  for (ContextId src : {kSelf, kParent, kRight, kModule, kStranger, kMasterId,
                        kUnknownId, kLeftBlock, kRightBlock}) {
    for (ContextId dst : {kSelf, kParent, kLeft, kRight, kModule, kStranger}) {
      Send(&left_, Frame(src, kLeft, dst, 1234));
      EXPECT_EQ(TakeOutput(), kNothing) << src << " to " << dst;
      EXPECT_EQ(router_.refused_sources(), ++refused);
    }
  }
  EXPECT_EQ(left_.link->counters().refused_source, refused);
  EXPECT_EQ(right_.link->counters().refused_source, 0u);
}

TEST_F(RouterTest, DropsAChildsFramesWithForgedAuthority) {
  for (ContextId auth : {kSelf, kParent, kRight, kModule, kStranger, kMasterId,
                         kUnknownId, kLeftBlock, kRightBlock}) {
    for (ContextId dst : {kSelf, kParent, kLeft, kRight, kModule, kStranger}) {
      Send(&left_, Frame(kLeft, auth, dst, 1234));
      EXPECT_EQ(TakeOutput(), kNothing) << auth << " to " << dst;
    }
  }
  EXPECT_EQ(router_.refused_sources(), 9u * 6u);
}

TEST_F(RouterTest, DropsFramesFromAboveInTheNameOfSomebodyBelow) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  TakeOutput();
  for (ContextId below : {kSelf, kLeft, kRight, kModule, kLeftBlock}) {
    for (ContextId dst : {kSelf, kLeft, kRight, kModule}) {
      Send(&parent_, Frame(below, kParent, dst, 1234));
      EXPECT_EQ(TakeOutput(), kNothing) << below << " to " << dst;
      Send(&parent_, Frame(kParent, below, dst, 1234));
      EXPECT_EQ(TakeOutput(), kNothing) << below << " to " << dst;
    }
  }
  EXPECT_EQ(parent_.link->counters().refused_source, 5u * 4u * 2u);
}

TEST_F(RouterTest, TakesFramesFromAboveInTheNameOfAnybodyElse) {
  for (ContextId above : {kParent, kMasterId, kStranger, kUnknownId}) {
    Send(&parent_, Frame(above, kMasterId, kLeft, 1234));
    EXPECT_EQ(TakeOutput(), kToLeft) << above;
  }
}

TEST_F(RouterTest, TakesFramesOfDescendantsFromTheirLinkOnly) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  TakeOutput();
  Send(&left_, Frame(kLeftBlock, kLeft, kParent, 1));
  EXPECT_EQ(TakeOutput(), kToParent);
  Send(&left_, Frame(kLeft, kLeftBlock, kParent, 1));
  EXPECT_EQ(TakeOutput(), kToParent);
  Send(&right_, Frame(kLeftBlock, kParent));
  EXPECT_EQ(TakeOutput(), kNothing);
  Send(&right_, Frame(kRight, kLeftBlock, kParent, 1));
  EXPECT_EQ(TakeOutput(), kNothing);
}

TEST_F(RouterTest, AFrameFromAboveForNobodyGetsADeadReply) {
  Send(&parent_, Frame(kParent, 40, 1001));
  const Dead dead = TakeDead(&parent_, kParent, 1001);
  EXPECT_EQ(dead.code, static_cast<uint32_t>(Code::kUnavailable));
  EXPECT_EQ(dead.message, "no route to 40 from 3 (web1)");
}

TEST_F(RouterTest, ADeadReplyGoesToTheSourceNotTheLink) {
  Send(&parent_, Frame(kStranger, kParent, 40, 1001));
  TakeDead(&parent_, kStranger, 1001);
}

TEST_F(RouterTest, NobodyIsToldWhoDoesNotWait) {
  Send(&parent_, Frame(kParent, 40, kNoHandle));
  FrameHeader dead = Frame(kParent, 40, 1001);
  dead.flags = kFlagDead;
  Send(&parent_, dead);
  EXPECT_EQ(TakeOutput(), kNothing);
}

TEST_F(RouterTest, OwnFramesForNobodyComeBackAsDeadReplies) {
  parent_.peer.Close();
  network_.Settle();
  FrameHeader header = Frame(kSelf, kStranger, 1001);
  router_.Send(header, "x");
  ASSERT_EQ(local_.size(), 1u);
  EXPECT_TRUE(local_[0].header.dead());
  EXPECT_EQ(local_[0].header.handle, 1001u);
  Dead dead;
  ASSERT_TRUE(ParseControl(local_[0].payload, &dead));
  EXPECT_EQ(dead.message, "no route to 500 from 3 (web1)");
}

TEST_F(RouterTest, CutsTheReasonOfADeadReplyToAFrame) {
  router_.SendDead(Frame(kLeft, kSelf, 1001),
                   Status(Code::kInternal, std::string(1 << 20, 'e')));
  network_.Settle();
  const Dead dead = TakeDead(&left_, kLeft, 1001);
  EXPECT_EQ(dead.message, std::string(4096, 'e'));
}

TEST_F(RouterTest, AModulesFramesEndHereWhoeverTheyAreFor) {
  for (ContextId dst :
       {kSelf, kParent, kLeft, kRight, kModule, kStranger, kMasterId}) {
    Send(&module_, Frame(kModule, dst));
    EXPECT_EQ(TakeOutput(), kFromModule) << dst;
  }
}

// Its context would not have held the method's policy.
TEST_F(RouterTest, NobodyReachesAModuleButItsContext) {
  for (Edge* edge : {&parent_, &left_, &right_}) {
    Send(edge, Frame(edge->link->peer_id(), kModule));
    const std::vector<RawFrame> frames = edge->peer.TakeFrames();
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_TRUE(frames[0].header.dead());
    EXPECT_TRUE(module_.peer.TakeFrames().empty());
  }
  FrameHeader header = Frame(kParent, kModule);
  router_.SendAs(header, "from the context");
  network_.Settle();
  EXPECT_EQ(module_.peer.TakeFrames().size(), 1u);
}

TEST_F(RouterTest, AModuleSpeaksForItselfOnly) {
  for (ContextId other : {kSelf, kParent, kLeft, kRight, kStranger}) {
    Send(&module_, Frame(other, kSelf));
    EXPECT_EQ(TakeOutput(), kNothing) << other;
    Send(&module_, Frame(kModule, other, kSelf, 1));
    EXPECT_EQ(TakeOutput(), kNothing) << other;
  }
  EXPECT_EQ(module_.link->counters().refused_source, 10u);
}

TEST_F(RouterTest, AModuleHasNoRoutes) {
  router_.RecordGrant(module_.link, 300, 10);
  SendAddRoute(&module_, kModule, 300);
  EXPECT_FALSE(router_.HasRoute(300));
  EXPECT_EQ(TakeOutput(), kFromModule);
}

TEST_F(RouterTest, NobodyAboveLearnsOfModules) {
  module_.peer.Close();
  network_.Settle();
  EXPECT_EQ(events_,
            (std::vector<std::string>{"route 9: lost module m",
                                      "link module m: lost module m"}));
  EXPECT_EQ(TakeOutput(), kNothing);
}

TEST_F(RouterTest, AnAnnouncedModuleIsKnownAboveForItsAuthorityOnly) {
  router_.AnnounceModule(kModule);
  router_.AnnounceModule(kModule);
  network_.Settle();
  std::vector<RawFrame> up = parent_.peer.TakeFrames();
  ASSERT_EQ(up.size(), 1u);
  AddRoute route;
  ASSERT_TRUE(ParseControl(up[0].payload, &route));
  EXPECT_EQ(route.id, kModule);
  for (Edge* edge : {&parent_, &left_, &right_}) {
    Send(edge, Frame(edge->link->peer_id(), kModule));
    TakeDead(edge, edge->link->peer_id(), 1234,
             edge == &parent_ ? kModule : kSelf);
    Send(edge, Frame(edge->link->peer_id(), kModule, kSelf, 1234));
    EXPECT_EQ(TakeOutput(), kNothing);
  }
  EXPECT_EQ(router_.refused_sources(), 3u);
  module_.peer.Close();
  network_.Settle();
  up = parent_.peer.TakeFrames();
  ASSERT_EQ(up.size(), 1u);
  EXPECT_EQ(up[0].header.handle, kDelRoute);
}

// What a context above sees of it: an id of the grant of a child.
TEST_F(RouterTest, AnAuthorityIsBelievedOverTheLinkOfItsRouteOnly) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  TakeOutput();
  Send(&left_, Frame(kLeft, kLeftBlock, kStranger, 1));
  EXPECT_EQ(TakeOutput(), kToParent);
  Send(&left_, Frame(kLeft, kLeftBlock, kRight, 1));
  EXPECT_EQ(TakeOutput(), kToRight);
  Send(&right_, Frame(kRight, kLeftBlock, kStranger, 1));
  Send(&parent_, Frame(kParent, kLeftBlock, kRight, 1));
  Send(&left_, Frame(kLeft, kLeftBlock + 1, kRight, 1));
  EXPECT_EQ(TakeOutput(), kNothing);
  SendDelRoute(&left_, kLeft, kLeftBlock);
  TakeOutput();
  Send(&left_, Frame(kLeft, kLeftBlock, kRight, 1));
  EXPECT_EQ(TakeOutput(), kNothing) << "it is gone";
}

TEST_F(RouterTest, AModuleReachesWhatIsBelowInAUnidirectionalTree) {
  router_.set_unidirectional(true);
  router_.Relay(module_.link, Frame(kSelf, kModule, kLeft, 1), "x");
  network_.Settle();
  EXPECT_EQ(TakeOutput(), kToLeft);
  router_.Relay(module_.link, Frame(kSelf, kModule, kStranger, 1), "x");
  network_.Settle();
  EXPECT_EQ(TakeOutput(), kToParent);
  // Never another module, nor itself.
  router_.Relay(module_.link, Frame(kSelf, kModule, kModule, 1), "x");
  network_.Settle();
  EXPECT_EQ(TakeOutput(), kToLocal) << "a dead reply";
}

// The master: nothing above it.
class MasterRouterTest : public RouterTest {
 protected:
  MasterRouterTest() {
    parent_.peer.Close();
    network_.Settle();
    events_.clear();
    router_.SetSelf(kMasterId, "master");
  }
};

TEST_F(MasterRouterTest, UnknownDestinationsAreNowhere) {
  Send(&left_, Frame(kLeft, kStranger, 1001));
  const std::vector<RawFrame> frames = left_.peer.TakeFrames();
  ASSERT_EQ(frames.size(), 1u);
  Dead dead;
  ASSERT_TRUE(ParseControl(frames[0].payload, &dead));
  EXPECT_EQ(dead.message, "no route to 500 from 0 (master)");
}

TEST_F(MasterRouterTest, NobodyMaySpeakAsTheMasterOrAsAStranger) {
  for (ContextId other : {kMasterId, kStranger, kUnknownId}) {
    Send(&left_, Frame(other, kRight));
    Send(&left_, Frame(kLeft, other, kRight, 1));
    Send(&left_, Frame(other, kMasterId));
  }
  EXPECT_EQ(TakeOutput(), kNothing);
  EXPECT_EQ(router_.refused_sources(), 9u);
}

TEST_F(MasterRouterTest, AnnouncesToNobody) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  FrameHeader header = Frame(kLeft, kMasterId, kNoHandle);
  header.handle = kAddRoute;
  Send(&left_, header, SerializeControl(AddRoute{kLeftBlock, "deep"}));
  EXPECT_TRUE(router_.HasRoute(kLeftBlock));
  left_.peer.Close();
  network_.Settle();
  EXPECT_FALSE(router_.HasRoute(kLeftBlock));
}

}  // namespace
}  // namespace ramet::core
