#include "core/route/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/control.h"

namespace ramet::core {
namespace {

constexpr ContextId kSelf = 3;
constexpr ContextId kParent = 2;
constexpr ContextId kLeft = 7;
constexpr ContextId kRight = 8;
constexpr ContextId kModule = 9;
constexpr ContextId kStranger = 500;  // somewhere above, or nowhere
// Granted to kLeft's subtree and to kRight's.
constexpr ContextId kLeftBlock = 100;
constexpr ContextId kRightBlock = 200;
constexpr uint32_t kBlockIds = 10;

// The far end of a link of the router that is tested.
struct Edge {
  explicit Edge(MemoryNetwork* network) : Edge(network->MakePair()) {}
  explicit Edge(MemoryNetwork::Pair pair)
      : stream(std::move(pair.a)),
        to_peer(pair.a_to_b),
        to_router(pair.b_to_a),
        peer(std::move(pair.b)) {}

  std::unique_ptr<ByteStream> stream;
  std::shared_ptr<MemoryPipe> to_peer;
  std::shared_ptr<MemoryPipe> to_router;
  RawPeer peer;
  Link* link = nullptr;
};

// How many frames came out of the router, and where.
struct Output {
  size_t parent, left, right, module, local, from_module;
  friend bool operator==(const Output& a, const Output& b) {
    return a.parent == b.parent && a.left == b.left && a.right == b.right &&
           a.module == b.module && a.local == b.local &&
           a.from_module == b.from_module;
  }
  friend std::ostream& operator<<(std::ostream& out, const Output& output) {
    return out << "parent " << output.parent << " left " << output.left
               << " right " << output.right << " module " << output.module
               << " local " << output.local << " from_module "
               << output.from_module;
  }
};

// Context 3 ("web1") of a tree: its parent is 2, its children are 7 and 8, and
// it has a module, 9.
class RouterTest : public testing::Test, public Router::Local {
 protected:
  RouterTest() {
    router_.SetSelf(kSelf, "web1");
    parent_.link = router_.AddParent(std::move(parent_.stream), kParent);
    left_.link = router_.AddChild(std::move(left_.stream), kLeft, "left");
    right_.link = router_.AddChild(std::move(right_.stream), kRight, "right");
    module_.link =
        router_.AddModule(std::move(module_.stream), kModule, "module m");
    router_.RecordGrant(left_.link, kLeftBlock, kBlockIds);
    router_.RecordGrant(right_.link, kRightBlock, kBlockIds);
  }

  void OnLocalFrame(Link* from, const FrameHeader& header,
                    std::string_view payload) override {
    local_.push_back({header, std::string(payload)});
    local_from_.push_back(from);
  }
  void OnModuleFrame(Link* from, const FrameHeader& header,
                     std::string_view payload) override {
    EXPECT_EQ(from, module_.link);
    from_module_.push_back({header, std::string(payload)});
  }
  void OnRefused(Link*, const FrameHeader&) override { ++told_of_refusals_; }
  Status ExplainLoss(const Link* link, const Status& why) override {
    explained_ = why.message();
    return Status(Code::kUnavailable, "lost " + link->name());
  }
  void OnRouteLost(ContextId id, const Status& why) override {
    events_.push_back("route " + std::to_string(id) + ": " + why.message());
  }
  void OnLinkLost(Link* link, const Status& why) override {
    events_.push_back("link " + link->name() + ": " + why.message());
  }

  static FrameHeader Frame(ContextId src, ContextId dst,
                           HandleId reply_to = 1234) {
    return Frame(src, src, dst, reply_to);
  }
  static FrameHeader Frame(ContextId src, ContextId auth, ContextId dst,
                           HandleId reply_to) {
    FrameHeader header;
    header.src_id = src;
    header.auth_id = auth;
    header.dst_id = dst;
    header.handle = kCallFunction;
    header.reply_to = reply_to;
    return header;
  }
  void Send(Edge* edge, const FrameHeader& header,
            std::string_view payload = "x") {
    edge->peer.Send(header, payload);
    network_.Settle();
  }
  void SendAddRoute(Edge* edge, ContextId src, ContextId id,
                    const std::string& name = "name") {
    FrameHeader header = Frame(src, kSelf, kNoHandle);
    header.handle = kAddRoute;
    Send(edge, header, SerializeControl(AddRoute{id, name}));
  }
  void SendDelRoute(Edge* edge, ContextId src, ContextId id) {
    FrameHeader header = Frame(src, kSelf, kNoHandle);
    header.handle = kDelRoute;
    Send(edge, header, SerializeControl(DelRoute{id, 14, "it ended"}));
  }

  // All that came out of the router since the last call, and where.
  Output TakeOutput() {
    Output output{parent_.peer.TakeFrames().size(),
                  left_.peer.TakeFrames().size(),
                  right_.peer.TakeFrames().size(),
                  module_.peer.TakeFrames().size(),
                  local_.size(),
                  from_module_.size()};
    local_.clear();
    from_module_.clear();
    return output;
  }

  // The one dead reply that `edge` got.
  Dead TakeDead(Edge* edge, ContextId dst, HandleId handle) {
    const std::vector<RawFrame> frames = edge->peer.TakeFrames();
    Dead dead;
    EXPECT_EQ(frames.size(), 1u);
    if (frames.empty()) return dead;
    EXPECT_TRUE(frames[0].header.dead());
    EXPECT_EQ(frames[0].header.dst_id, dst);
    EXPECT_EQ(frames[0].header.src_id, kSelf);
    EXPECT_EQ(frames[0].header.auth_id, kSelf);
    EXPECT_EQ(frames[0].header.handle, handle);
    EXPECT_EQ(frames[0].header.reply_to, kNoHandle);
    EXPECT_TRUE(ParseControl(frames[0].payload, &dead));
    return dead;
  }

  FakeClock clock_;
  EventLoop loop_{&clock_};
  MemoryNetwork network_{&loop_};
  Edge parent_{&network_};
  Edge left_{&network_};
  Edge right_{&network_};
  Edge module_{&network_};
  Router router_{&loop_, this};

  uint64_t told_of_refusals_ = 0;
  std::string explained_;  // the last reason
  std::vector<RawFrame> local_;
  std::vector<Link*> local_from_;
  std::vector<RawFrame> from_module_;
  std::vector<std::string> events_;
};

constexpr Output kNothing{0, 0, 0, 0, 0, 0};
constexpr Output kToParent{1, 0, 0, 0, 0, 0};
constexpr Output kToLeft{0, 1, 0, 0, 0, 0};
constexpr Output kToRight{0, 0, 1, 0, 0, 0};
constexpr Output kToLocal{0, 0, 0, 0, 1, 0};
constexpr Output kFromModule{0, 0, 0, 0, 0, 1};

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
  const std::string bulk(kMaxPayloadBytes, 'b');
  constexpr size_t kFrames = 200;  // 12 MiB from each
  for (size_t i = 0; i < kFrames; ++i) {
    left_.peer.Send(Frame(kLeft, kParent, i), bulk);
    right_.peer.Send(Frame(kRight, kParent, i), bulk);
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
  HandleId next_left = 0;
  HandleId next_right = 0;
  for (const RawFrame& frame : frames) {
    HandleId* const next =
        frame.header.src_id == kLeft ? &next_left : &next_right;
    ASSERT_EQ(frame.header.reply_to, (*next)++) << "in order";
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
