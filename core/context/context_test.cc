#include "core/context/context.h"

#include <gtest/gtest.h>

#include <memory>
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
constexpr ContextId kChild = 7;
constexpr ContextId kSibling = 500;
constexpr ContextId kGrandchild = 100;

class Waiter final : public ReplyHandler {
 public:
  void OnReply(const FrameHeader&, std::string_view payload) override {
    replies.emplace_back(payload);
  }
  void OnDead(const Status& why) override { dead.push_back(why); }

  std::vector<std::string> replies;
  std::vector<Status> dead;
};

// Context 3 ("web1"), whose ancestors are 2 and 0, with a child 7.
class ContextTest : public testing::Test {
 protected:
  ContextTest() {
    context_.router().SetSelf(kSelf, "web1");
    context_.SetAncestors({kParent, kMasterId});
    context_.SetLossExplainer([](const Link* link, const Status&) {
      return Status(Code::kUnavailable, "explained: " + link->name());
    });
    MemoryNetwork::Pair up = network_.MakePair();
    context_.router().AddParent(std::move(up.a), kParent);
    parent_ = std::make_unique<RawPeer>(std::move(up.b));
    child_ = AddChild(kChild);
    context_.router().RecordGrant(context_.router().LinkTo(kChild), kGrandchild,
                                  10);
  }

  std::unique_ptr<RawPeer> AddChild(ContextId id) {
    MemoryNetwork::Pair pair = network_.MakePair();
    context_.router().AddChild(std::move(pair.a), id, "child");
    return std::make_unique<RawPeer>(std::move(pair.b));
  }

  // Counts the frames that a standard handle takes.
  int* Serve(StandardHandle handle, Context::Access access) {
    auto count = std::make_shared<int>(0);
    context_.SetHandler(
        handle, access,
        [count](Link*, const FrameHeader&, std::string_view) { ++*count; });
    counts_.push_back(count);
    return count.get();
  }

  static FrameHeader Frame(ContextId src, ContextId auth, HandleId handle,
                           HandleId reply_to = 1001) {
    FrameHeader header;
    header.src_id = src;
    header.auth_id = auth;
    header.dst_id = kSelf;
    header.handle = handle;
    header.reply_to = reply_to;
    return header;
  }
  void Send(RawPeer* peer, const FrameHeader& header,
            const std::string& payload = "x") {
    peer->Send(header, payload);
    network_.Settle();
  }
  // The one frame that `peer` got.
  static RawFrame Take(RawPeer* peer) {
    const std::vector<RawFrame> frames = peer->TakeFrames();
    EXPECT_EQ(frames.size(), 1u);
    return frames.empty() ? RawFrame() : frames[0];
  }
  static Dead TakeDead(RawPeer* peer) {
    const RawFrame frame = Take(peer);
    Dead dead;
    EXPECT_TRUE(frame.header.dead());
    EXPECT_TRUE(ParseControl(frame.payload, &dead));
    return dead;
  }
  void AnnounceGrandchild() {
    FrameHeader header = Frame(kChild, kChild, kAddRoute, kNoHandle);
    Send(child_.get(), header, SerializeControl(AddRoute{kGrandchild, "deep"}));
    ASSERT_TRUE(context_.router().HasRoute(kGrandchild));
    parent_->TakeFrames();
  }
  // What the parent was asked for.
  HandleId TakeRequest(uint32_t count) {
    const RawFrame frame = Take(parent_.get());
    EXPECT_EQ(frame.header.handle, kAllocateId);
    EXPECT_EQ(frame.header.dst_id, kParent);
    EXPECT_EQ(frame.header.src_id, kSelf);
    AllocateId message;
    EXPECT_TRUE(ParseControl(frame.payload, &message));
    EXPECT_EQ(message.count, count);
    return frame.header.reply_to;
  }
  void GiveGrant(HandleId handle, uint32_t first, uint32_t count) {
    FrameHeader header = Frame(kParent, kParent, handle, kNoHandle);
    Send(parent_.get(), header, SerializeControl(Grant{first, count}));
  }
  void Take(uint32_t count) {
    context_.TakeIds(count, [this](const Status& status, uint32_t first) {
      taken_.push_back({status, first});
    });
  }
  void AskFor(RawPeer* peer, ContextId src, uint32_t count) {
    Send(peer, Frame(src, src, kAllocateId),
         SerializeControl(AllocateId{count}));
  }

  struct Taken {
    Status status;
    uint32_t first;
  };

  FakeClock clock_;
  EventLoop loop_{&clock_};
  MemoryNetwork network_{&loop_};
  Context context_{&loop_};
  std::unique_ptr<RawPeer> parent_;
  std::unique_ptr<RawPeer> child_;
  std::vector<std::shared_ptr<int>> counts_;
  std::vector<Taken> taken_;
};

TEST_F(ContextTest, AncestorsAndItselfUseWhatIsForAncestors) {
  int* const count = Serve(kShutdown, Context::Access::kAncestors);
  Send(parent_.get(), Frame(kParent, kParent, kShutdown));
  Send(parent_.get(), Frame(kParent, kMasterId, kShutdown));
  Send(parent_.get(), Frame(kSibling, kMasterId, kShutdown));
  FrameHeader own;
  own.dst_id = kSelf;
  own.handle = kShutdown;
  context_.router().Send(own, "");
  EXPECT_EQ(*count, 4);
  EXPECT_TRUE(parent_->frames().empty());
}

TEST_F(ContextTest, NobodyElseDoes) {
  int* const count = Serve(kShutdown, Context::Access::kAncestors);
  AnnounceGrandchild();
  Send(child_.get(), Frame(kChild, kChild, kShutdown));
  const Dead dead = TakeDead(child_.get());
  EXPECT_EQ(dead.code, static_cast<uint32_t>(Code::kPermissionDenied));
  EXPECT_EQ(dead.message, "refused by policy: handle 10 of context web1");
  Send(child_.get(), Frame(kGrandchild, kGrandchild, kShutdown));
  TakeDead(child_.get());
  Send(parent_.get(), Frame(kSibling, kSibling, kShutdown));
  TakeDead(parent_.get());
  // Its authority counts, whoever passes it on.
  Send(parent_.get(), Frame(kMasterId, kSibling, kShutdown));
  TakeDead(parent_.get());
  EXPECT_EQ(*count, 0);
}

TEST_F(ContextTest, OnlyTheChildItselfUsesWhatIsForChildren) {
  int* const count = Serve(kPing, Context::Access::kChildren);
  AnnounceGrandchild();
  Send(child_.get(), Frame(kChild, kChild, kPing));
  EXPECT_EQ(*count, 1);
  Send(child_.get(), Frame(kGrandchild, kGrandchild, kPing));
  Send(child_.get(), Frame(kChild, kGrandchild, kPing));
  Send(parent_.get(), Frame(kParent, kParent, kPing));
  FrameHeader own;
  own.dst_id = kSelf;
  own.handle = kPing;
  context_.router().Send(own, "");
  EXPECT_EQ(*count, 1);
}

TEST_F(ContextTest, EverybodyUsesWhatIsForAnyone) {
  int* const count = Serve(kPing, Context::Access::kAnyone);
  Send(child_.get(), Frame(kChild, kChild, kPing));
  Send(parent_.get(), Frame(kSibling, kSibling, kPing));
  EXPECT_EQ(*count, 2);
}

TEST_F(ContextTest, AHandleThatNobodyServesIsUnimplemented) {
  for (HandleId handle : {0u, 2u, 5u, 13u, 999u}) {
    Send(parent_.get(), Frame(kParent, kParent, handle));
    const Dead dead = TakeDead(parent_.get());
    EXPECT_EQ(dead.code, static_cast<uint32_t>(Code::kUnimplemented));
    EXPECT_EQ(dead.message,
              "invalid handle " + std::to_string(handle) + " in context web1");
  }
}

TEST_F(ContextTest, ARefusalThatNobodyWaitsForIsSilent) {
  Serve(kShutdown, Context::Access::kAncestors);
  Send(child_.get(), Frame(kChild, kChild, kShutdown, kNoHandle));
  EXPECT_TRUE(child_->frames().empty());
}

TEST_F(ContextTest, HellosGoToTheirHandlers) {
  std::vector<std::string> hellos;
  context_.SetHelloHandler(
      [&](Link* from, const FrameHeader&, std::string_view payload) {
        EXPECT_EQ(from, context_.router().parent());
        hellos.push_back("parent " + std::string(payload));
      });
  context_.SetChildHelloHandler(
      [&](Link* from, const FrameHeader&, std::string_view payload) {
        EXPECT_EQ(from->peer_id(), kChild);
        hellos.push_back("child " + std::string(payload));
      });
  Send(parent_.get(), Frame(kParent, kParent, kHello), "down");
  Send(child_.get(), Frame(kChild, kChild, kHello), "up");
  EXPECT_EQ(hellos, (std::vector<std::string>{"parent down", "child up"}));
}

// A hello is the link's own: a stranger's must not reach the handler, which
// ends the link when it hears a second one.
TEST_F(ContextTest, AHelloFromFurtherAwayIsNoHello) {
  int hellos = 0;
  const auto count = [&](Link*, const FrameHeader&, std::string_view) {
    ++hellos;
  };
  context_.SetHelloHandler(count);
  context_.SetChildHelloHandler(count);
  AnnounceGrandchild();
  Send(parent_.get(), Frame(kSibling, kSibling, kHello));
  Send(parent_.get(), Frame(kMasterId, kMasterId, kHello));
  Send(child_.get(), Frame(kGrandchild, kGrandchild, kHello));
  EXPECT_EQ(hellos, 0);
}

TEST_F(ContextTest, AReplyComesFromTheRespondentOnly) {
  AnnounceGrandchild();
  Waiter waiter;
  const HandleId handle = context_.handles().Add(kGrandchild, &waiter);
  Send(child_.get(), Frame(kChild, kChild, handle));
  Send(parent_.get(), Frame(kParent, kParent, handle));
  Send(parent_.get(), Frame(kMasterId, kMasterId, handle));
  EXPECT_TRUE(waiter.replies.empty());
  EXPECT_TRUE(parent_->frames().empty())
      << "and whoever guesses learns nothing";
  Send(child_.get(), Frame(kGrandchild, kGrandchild, handle), "the answer");
  EXPECT_EQ(waiter.replies, std::vector<std::string>{"the answer"});
}

TEST_F(ContextTest, ADeadReplyComesFromTheRespondentsDirectionOnly) {
  AnnounceGrandchild();
  Waiter waiter;
  const HandleId handle = context_.handles().Add(kGrandchild, &waiter);
  const std::string why = SerializeControl(Dead{14, "no route"});
  FrameHeader dead = Frame(kParent, kParent, handle);
  dead.flags = kFlagDead;
  Send(parent_.get(), dead, why);
  EXPECT_TRUE(waiter.dead.empty());
  // A hop on the way says that there is none further.
  dead = Frame(kChild, kChild, handle);
  dead.flags = kFlagDead;
  Send(child_.get(), dead, why);
  ASSERT_EQ(waiter.dead.size(), 1u);
  EXPECT_EQ(waiter.dead[0].message(), "no route");
}

TEST_F(ContextTest, ADeadReplyFromASiblingOfTheRespondentIsDropped) {
  AnnounceGrandchild();
  constexpr ContextId kCousin = kGrandchild + 1;
  Send(child_.get(), Frame(kChild, kChild, kAddRoute, kNoHandle),
       SerializeControl(AddRoute{kCousin, "cousin"}));
  ASSERT_TRUE(context_.router().HasRoute(kCousin));
  Waiter for_grandchild;
  Waiter for_child;
  Waiter for_parent;
  std::vector<HandleId> handles = {
      context_.handles().Add(kGrandchild, &for_grandchild),
      context_.handles().Add(kChild, &for_child)};
  const HandleId at_parent = context_.handles().Add(kParent, &for_parent);
  const std::string why = SerializeControl(Dead{14, "guessed"});
  const auto guess = [&](RawPeer* peer, ContextId src, HandleId handle) {
    FrameHeader dead = Frame(src, src, handle);
    dead.flags = kFlagDead;
    Send(peer, dead, why);
  };
  for (HandleId handle : handles) guess(child_.get(), kCousin, handle);
  guess(parent_.get(), kSibling, at_parent);
  EXPECT_TRUE(for_grandchild.dead.empty());
  EXPECT_TRUE(for_child.dead.empty());
  EXPECT_TRUE(for_parent.dead.empty());
  // Whoever is told to be on the way is believed.
  context_.SetOnTheWay([](ContextId hop, ContextId respondent) {
    return hop == kCousin && respondent == kGrandchild;
  });
  for (HandleId handle : handles) guess(child_.get(), kCousin, handle);
  guess(parent_.get(), kMasterId, at_parent);
  EXPECT_EQ(for_grandchild.dead.size(), 1u);
  EXPECT_TRUE(for_child.dead.empty());
  EXPECT_EQ(for_parent.dead.size(), 1u);
}

TEST_F(ContextTest, WhoWaitsForALostContextIsWoken) {
  AnnounceGrandchild();
  Waiter for_grandchild;
  Waiter for_child;
  Waiter for_parent;
  context_.handles().Add(kGrandchild, &for_grandchild);
  context_.handles().Add(kChild, &for_child);
  context_.handles().Add(kParent, &for_parent);
  std::vector<std::string> told;
  context_.AddRouteLostHandler([&](ContextId id, const Status& why) {
    EXPECT_FALSE(for_child.dead.empty() && for_grandchild.dead.empty())
        << "waiters first";
    told.push_back(std::to_string(id) + " " + why.message());
  });
  context_.AddLinkLostHandler([&](Link* link, const Status& why) {
    told.push_back("link " + std::to_string(link->peer_id()));
  });
  child_->Close();
  network_.Settle();
  EXPECT_EQ(told, (std::vector<std::string>{"7 explained: child",
                                            "100 explained: child", "link 7"}));
  ASSERT_EQ(for_grandchild.dead.size(), 1u);
  EXPECT_EQ(for_grandchild.dead[0].message(), "explained: child");
  EXPECT_EQ(for_child.dead.size(), 1u);
  EXPECT_TRUE(for_parent.dead.empty());
}

TEST_F(ContextTest, WithoutItsParentEverybodyIsWoken) {
  Waiter for_child;
  Waiter for_stranger;
  context_.handles().Add(kChild, &for_child);
  context_.handles().Add(kSibling, &for_stranger);
  parent_->Close();
  network_.Settle();
  EXPECT_EQ(for_child.dead.size(), 1u);
  EXPECT_EQ(for_stranger.dead.size(), 1u);
}

TEST_F(ContextTest, TakesIdsFromItsPoolAtOnce) {
  context_.ids().Add(300, 50);
  Take(20);
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_TRUE(taken_[0].status.ok());
  EXPECT_EQ(taken_[0].first, 300u);
  network_.Settle();
  EXPECT_TRUE(parent_->frames().empty());
}

TEST_F(ContextTest, AsksItsParentWhenThePoolIsEmpty) {
  Take(20);
  EXPECT_TRUE(taken_.empty());
  network_.Settle();
  GiveGrant(TakeRequest(kGrantIds), 5000, kGrantIds);
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_TRUE(taken_[0].status.ok());
  EXPECT_EQ(taken_[0].first, 5000u);
  Take(1);
  ASSERT_EQ(taken_.size(), 2u);
  EXPECT_EQ(taken_[1].first, 5020u) << "the rest is kept";
}

TEST_F(ContextTest, AGrantThatIsTooSmallIsAnError) {
  Take(20);
  network_.Settle();
  GiveGrant(TakeRequest(kGrantIds), 5000, 3);
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_EQ(taken_[0].status.code(), Code::kInternal);
}

TEST_F(ContextTest, TheParentsRefusalIsPassedOn) {
  Take(20);
  network_.Settle();
  FrameHeader header =
      Frame(kParent, kParent, TakeRequest(kGrantIds), kNoHandle);
  header.flags = kFlagDead;
  Send(parent_.get(), header,
       SerializeControl(Dead{static_cast<uint32_t>(Code::kResourceExhausted),
                             "no context ids left"}));
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_EQ(taken_[0].status.code(), Code::kResourceExhausted);
  EXPECT_EQ(context_.handles().size(), 0u);
}

TEST_F(ContextTest, ALostParentEndsTheWaitForIds) {
  Take(20);
  parent_->Close();
  network_.Settle();
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_EQ(taken_[0].status.message(), "explained: parent");
  Take(20);
  ASSERT_EQ(taken_.size(), 2u);
  EXPECT_EQ(taken_[1].status.code(), Code::kResourceExhausted);
}

TEST_F(ContextTest, MayBeDestroyedWhileItWaitsForIds) {
  auto context = std::make_unique<Context>(&loop_);
  context->router().SetSelf(kSelf, "other");
  MemoryNetwork::Pair up = network_.MakePair();
  context->router().AddParent(std::move(up.a), kParent);
  context->TakeIds(5, [](const Status&, uint32_t) { ADD_FAILURE(); });
  context.reset();
  network_.Settle();
}

TEST_F(ContextTest, TopsUpOnceWhenFewIdsAreLeft) {
  context_.ids().Add(300, 5);
  context_.TopUpIds();
  context_.TopUpIds();
  network_.Settle();
  GiveGrant(TakeRequest(kGrantIds), 5000, kGrantIds);
  EXPECT_EQ(context_.ids().available(), 5 + kGrantIds);
  context_.TopUpIds();
  network_.Settle();
  EXPECT_TRUE(parent_->frames().empty()) << "there are enough now";
}

TEST_F(ContextTest, GrantsIdsToAChildAndAcceptsItsRoutes) {
  context_.ids().Add(300, 5000);
  AskFor(child_.get(), kChild, 10);
  const RawFrame frame = Take(child_.get());
  EXPECT_EQ(frame.header.handle, 1001u);
  Grant grant;
  ASSERT_TRUE(ParseControl(frame.payload, &grant));
  EXPECT_EQ(grant.first, 300u);
  EXPECT_EQ(grant.count, kGrantIds) << "whatever was asked for";
  for (ContextId id : {300u, 1299u, 1300u}) {
    Send(child_.get(), Frame(kChild, kChild, kAddRoute, kNoHandle),
         SerializeControl(AddRoute{id, ""}));
    EXPECT_EQ(context_.router().HasRoute(id), id < 1300) << id;
  }
}

TEST_F(ContextTest, PassesAWishForIdsOnToItsParent) {
  AskFor(child_.get(), kChild, 10);
  EXPECT_TRUE(child_->frames().empty());
  GiveGrant(TakeRequest(kGrantIds), 5000, kGrantIds);
  Grant grant;
  ASSERT_TRUE(ParseControl(Take(child_.get()).payload, &grant));
  EXPECT_EQ(grant.first, 5000u);
  EXPECT_EQ(grant.count, kGrantIds);
}

TEST_F(ContextTest, AChildThatIsGoneWhenItsIdsComeGetsNone) {
  AskFor(child_.get(), kChild, 10);
  child_->Close();
  network_.Settle();
  HandleId handle = kNoHandle;
  for (const RawFrame& frame : parent_->TakeFrames()) {
    if (frame.header.handle == kAllocateId) handle = frame.header.reply_to;
  }
  GiveGrant(handle, 5000, kGrantIds);
  auto fresh = AddChild(8);
  Send(fresh.get(), Frame(8, 8, kAddRoute, kNoHandle),
       SerializeControl(AddRoute{5000, ""}));
  EXPECT_FALSE(context_.router().HasRoute(5000));
}

TEST_F(ContextTest, RefusesOddWishesForIds) {
  context_.ids().Add(300, 5000);
  for (uint32_t count : {0u, kGrantIds + 1, UINT32_MAX}) {
    AskFor(child_.get(), kChild, count);
    const Dead dead = TakeDead(child_.get());
    EXPECT_EQ(dead.code, static_cast<uint32_t>(Code::kInvalidArgument));
    EXPECT_EQ(dead.message, "a grant has 1 to 1000 ids");
  }
  AnnounceGrandchild();
  AskFor(child_.get(), kGrandchild, 10);
  EXPECT_EQ(TakeDead(child_.get()).code,
            static_cast<uint32_t>(Code::kPermissionDenied));
  AskFor(parent_.get(), kParent, 10);
  EXPECT_EQ(TakeDead(parent_.get()).code,
            static_cast<uint32_t>(Code::kPermissionDenied));
  EXPECT_EQ(context_.ids().available(), 5000u);
}

// Grants that `peer` gets until it is refused, asking for one id each time.
class ContextGrantTest : public ContextTest {
 protected:
  uint32_t AskUntilRefused(RawPeer* peer, ContextId src) {
    for (uint32_t grants = 0;; ++grants) {
      AskFor(peer, src, 1);
      const RawFrame frame = Take(peer);
      if (!frame.header.dead()) continue;
      Dead dead;
      EXPECT_TRUE(ParseControl(frame.payload, &dead));
      EXPECT_EQ(dead.code, static_cast<uint32_t>(Code::kResourceExhausted));
      return grants;
    }
  }
};

TEST_F(ContextGrantTest, ChildrenLeaveAPartOfTheIdsToTheirParent) {
  // At depth 2, of 98,500 that all children of its parent may have, 97,000 are
  // for its own children, and 72,750 for one of them.
  context_.ids().Add(1'000'000, 1'000'000);
  EXPECT_EQ(AskUntilRefused(child_.get(), kChild), 72u);
  EXPECT_EQ(AskUntilRefused(AddChild(8).get(), 8), 25u);
  EXPECT_EQ(AskUntilRefused(AddChild(9).get(), 9), 0u);
  EXPECT_EQ(context_.ids().available(), 1'000'000u - 97'000u);
}

TEST_F(ContextGrantTest, WishesThatWaitForTheParentCount) {
  for (int i = 0; i < 1000; ++i) AskFor(child_.get(), kChild, 1);
  EXPECT_EQ(child_->TakeFrames().size(), 1000u - 72u) << "refused at once";
  EXPECT_EQ(parent_->TakeFrames().size(), 72u);
}

TEST_F(ContextGrantTest, AChainOf64HasEnough) {
  // Whoever is at `depth` asks for a grant for each of those below it.
  for (uint32_t depth = 1; depth < 64; ++depth) {
    Context context(&loop_);
    context.router().SetSelf(kSelf, "deep");
    context.SetAncestors(std::vector<ContextId>(depth, kParent));
    context.ids().Add(1'000'000, 1'000'000);
    MemoryNetwork::Pair pair = network_.MakePair();
    context.router().AddChild(std::move(pair.a), kChild, "child");
    RawPeer child(std::move(pair.b));
    EXPECT_GE(AskUntilRefused(&child, kChild), 64 - depth);
  }
}

TEST_F(ContextTest, AMasterGivesEachChildThatManyIds) {
  Context master(&loop_);
  master.ids().Add(1, 1'000'000'000);
  for (ContextId id : {2'000'000'001u, 2'000'000'002u}) {
    MemoryNetwork::Pair pair = network_.MakePair();
    master.router().AddChild(std::move(pair.a), id, "child");
    RawPeer child(std::move(pair.b));
    FrameHeader header = Frame(id, id, kAllocateId);
    header.dst_id = kMasterId;
    uint32_t granted = 0;
    for (int i = 0; i < 150; ++i) {
      Send(&child, header, SerializeControl(AllocateId{1}));
      const RawFrame frame = Take(&child);
      if (frame.header.dead()) continue;
      Grant grant;
      ASSERT_TRUE(ParseControl(frame.payload, &grant));
      granted += grant.count;
    }
    EXPECT_EQ(granted, kMaxSubtreeIds);
  }
}

TEST_F(ContextTest, WithoutAParentTheLossOfOneChildIsNotEverybodys) {
  parent_->Close();
  network_.Settle();
  std::unique_ptr<RawPeer> other = AddChild(8);
  Waiter for_child;
  Waiter for_other;
  context_.handles().Add(kChild, &for_child);
  context_.handles().Add(8, &for_other);
  child_->Close();
  network_.Settle();
  EXPECT_EQ(for_child.dead.size(), 1u);
  EXPECT_TRUE(for_other.dead.empty());
}

TEST_F(ContextTest, WhoWaitsForAContextBesideIsWokenByTheParent) {
  Waiter for_sibling;
  Waiter for_another;
  context_.handles().Add(kSibling, &for_sibling);
  context_.handles().Add(kSibling + 1, &for_another);
  std::vector<ContextId> told;
  context_.AddRouteLostHandler(
      [&](ContextId id, const Status&) { told.push_back(id); });
  const std::string lost =
      SerializeControl(DelRoute{kSibling, 14, "sibling is gone"});
  // Not by a child, nor by another sibling.
  Send(child_.get(), Frame(kChild, kChild, kDelRoute, kNoHandle), lost);
  Send(parent_.get(), Frame(kSibling + 1, kSibling + 1, kDelRoute, kNoHandle),
       lost);
  EXPECT_TRUE(for_sibling.dead.empty());
  Send(parent_.get(), Frame(kParent, kParent, kDelRoute, kNoHandle), lost);
  ASSERT_EQ(for_sibling.dead.size(), 1u);
  EXPECT_EQ(for_sibling.dead[0].code(), Code::kUnavailable);
  EXPECT_EQ(for_sibling.dead[0].message(), "sibling is gone");
  EXPECT_TRUE(for_another.dead.empty());
  EXPECT_EQ(told, std::vector<ContextId>{kSibling});
}

TEST_F(ContextTest, ModulesFramesGoToTheirHandler) {
  MemoryNetwork::Pair pair = network_.MakePair();
  context_.router().AddModule(std::move(pair.a), 9, "module m");
  RawPeer module(std::move(pair.b));
  int count = 0;
  int* const served = Serve(kPing, Context::Access::kAnyone);
  Send(&module, Frame(9, 9, kPing));
  context_.SetModuleFrameHandler(
      [&](Link*, const FrameHeader&, std::string_view) { ++count; });
  Send(&module, Frame(9, 9, kPing));
  EXPECT_EQ(count, 1);
  EXPECT_EQ(*served, 0);
}

}  // namespace
}  // namespace ramet::core
