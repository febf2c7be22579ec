#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/route/router.h"
#include "core/testing/raw_peer.h"
#include "core/testing/router_fixture.h"
#include "core/wire/control.h"

namespace ramet::core {
namespace {

TEST_F(RouterTest, AcceptsAndAnnouncesARouteOfAGrantedBlock) {
  for (ContextId id : {kLeftBlock, kLeftBlock + kBlockIds - 1}) {
    SendAddRoute(&left_, kLeft, id, "deep");
    EXPECT_TRUE(router_.HasRoute(id));
    EXPECT_EQ(router_.LinkTo(id), left_.link);
    EXPECT_EQ(router_.NameOf(id), "deep");
    const std::vector<RawFrame> frames = parent_.peer.TakeFrames();
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].header.handle, kAddRoute);
    EXPECT_EQ(frames[0].header.dst_id, kParent);
    EXPECT_EQ(frames[0].header.src_id, kSelf);
    AddRoute message;
    ASSERT_TRUE(ParseControl(frames[0].payload, &message));
    EXPECT_EQ(message.id, id);
    EXPECT_EQ(message.name, "deep");
  }
  Send(&parent_, Frame(kParent, kLeftBlock));
  EXPECT_EQ(TakeOutput(), kToLeft);
}

TEST_F(RouterTest, RefusesRoutesOutsideOfItsGrants) {
  const size_t routes = router_.route_count();
  uint64_t refused = 0;
  for (ContextId id :
       {kSelf, kParent, kMasterId, kUnknownId, kLeft, kRight, kModule,
        kStranger, kLeftBlock - 1, kLeftBlock + kBlockIds, kRightBlock}) {
    SendAddRoute(&left_, kLeft, id);
    EXPECT_EQ(router_.refused_routes(), ++refused) << id;
    EXPECT_EQ(router_.route_count(), routes) << id;
    EXPECT_EQ(TakeOutput(), kNothing) << id;
  }
  EXPECT_EQ(router_.LinkTo(kRight), right_.link);
}

TEST_F(RouterTest, RefusesARouteThatThereIs) {
  // Both children were granted the id, which no parent does.
  router_.RecordGrant(right_.link, kLeftBlock, 1);
  SendAddRoute(&left_, kLeft, kLeftBlock, "first");
  SendAddRoute(&left_, kLeft, kLeftBlock, "again");
  SendAddRoute(&right_, kRight, kLeftBlock, "stolen");
  EXPECT_EQ(router_.LinkTo(kLeftBlock), left_.link);
  EXPECT_EQ(router_.NameOf(kLeftBlock), "first");
  EXPECT_EQ(router_.refused_routes(), 2u);
  EXPECT_EQ(TakeOutput(), kToParent) << "announced once";
}

TEST_F(RouterTest, AcceptsRoutesFromTheChildItselfOnly) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  TakeOutput();
  // A grandchild says so: an ordinary frame, which is no business of routes.
  SendAddRoute(&left_, kLeftBlock, kLeftBlock + 1);
  EXPECT_FALSE(router_.HasRoute(kLeftBlock + 1));
  EXPECT_EQ(TakeOutput(), kToLocal);
  // So is one from above.
  SendAddRoute(&parent_, kParent, kLeftBlock + 1);
  EXPECT_FALSE(router_.HasRoute(kLeftBlock + 1));
  EXPECT_EQ(TakeOutput(), kToLocal);
}

TEST_F(RouterTest, RefusesARouteThatDoesNotParse) {
  FrameHeader header = Frame(kLeft, kSelf);
  header.handle = kAddRoute;
  Send(&left_, header, "\x0a\x7f");
  header.handle = kDelRoute;
  Send(&left_, header, "\x0a\x7f");
  EXPECT_EQ(router_.refused_routes(), 2u);
  EXPECT_EQ(TakeOutput(), kNothing);
}

TEST_F(RouterTest, CutsLongNames) {
  SendAddRoute(&left_, kLeft, kLeftBlock, std::string(10000, 'n'));
  EXPECT_EQ(router_.NameOf(kLeftBlock).size(), 256u);
}

TEST_F(RouterTest, NamesWhatItKnows) {
  EXPECT_EQ(router_.NameOf(kSelf), "web1");
  EXPECT_EQ(router_.NameOf(kLeft), "left");
  EXPECT_EQ(router_.NameOf(kStranger), "500");
  SendAddRoute(&left_, kLeft, kLeftBlock, "");
  EXPECT_EQ(router_.NameOf(kLeftBlock), "100");
}

TEST_F(RouterTest, AChildsDelRouteGoesUpwards) {
  SendAddRoute(&left_, kLeft, kLeftBlock);
  TakeOutput();
  SendDelRoute(&left_, kLeft, kLeftBlock);
  EXPECT_FALSE(router_.HasRoute(kLeftBlock));
  EXPECT_EQ(events_, std::vector<std::string>{"route 100: it ended"});
  const std::vector<RawFrame> frames = parent_.peer.TakeFrames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.handle, kDelRoute);
  DelRoute message;
  ASSERT_TRUE(ParseControl(frames[0].payload, &message));
  EXPECT_EQ(message.id, kLeftBlock);
  EXPECT_EQ(message.code, 14u);
  EXPECT_EQ(message.reason, "it ended");
  // Gone for good: its frames are forgeries, its id may be announced again.
  Send(&left_, Frame(kLeftBlock, kParent));
  EXPECT_EQ(TakeOutput(), kNothing);
  SendAddRoute(&left_, kLeft, kLeftBlock);
  EXPECT_TRUE(router_.HasRoute(kLeftBlock));
}

TEST_F(RouterTest, RefusesDelRouteOfWhatIsNotBelowTheSender) {
  SendAddRoute(&right_, kRight, kRightBlock);
  TakeOutput();
  uint64_t refused = 0;
  for (ContextId id : {kRightBlock, kRight, kModule, kSelf, kParent, kStranger,
                       kLeftBlock, kMasterId}) {
    SendDelRoute(&left_, kLeft, id);
    EXPECT_EQ(router_.refused_routes(), ++refused) << id;
  }
  EXPECT_EQ(told_of_refusals_, refused);
  // Its own is only a farewell: the link's end tells when it has ended.
  SendDelRoute(&left_, kLeft, kLeft);
  EXPECT_EQ(router_.refused_routes(), refused);
  EXPECT_TRUE(router_.HasRoute(kLeft));
  EXPECT_TRUE(events_.empty());
  EXPECT_TRUE(router_.HasRoute(kRightBlock));
  EXPECT_EQ(TakeOutput(), kNothing);
}

TEST_F(RouterTest, AFarewellIsTheReasonOfTheLinksEnd) {
  SendDelRoute(&left_, kLeft, kLeft);
  left_.peer.Close();
  network_.Settle();
  EXPECT_FALSE(router_.HasRoute(kLeft));
  EXPECT_EQ(explained_, "it ended");
}

TEST_F(RouterTest, SaysFarewellToTheParent) {
  router_.SayFarewell(Status(Code::kUnavailable, "enough"));
  network_.Settle();
  const std::vector<RawFrame> frames = parent_.peer.TakeFrames();
  ASSERT_EQ(frames.size(), 1u);
  DelRoute message;
  ASSERT_TRUE(ParseControl(frames[0].payload, &message));
  EXPECT_EQ(frames[0].header.handle, kDelRoute);
  EXPECT_EQ(message.id, kSelf);
  EXPECT_EQ(message.reason, "enough");
}

}  // namespace
}  // namespace ramet::core
