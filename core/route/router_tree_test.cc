// A tree of routers in memory, against a small model: random frames, forged and
// honest, lies about routes, and grants, while branches grow, break off, are
// hidden by who is above them and shown again.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/loop/event_loop.h"
#include "core/route/router.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/wire/control.h"

namespace ramet::core {
namespace {

constexpr int kSteps = 8000;
constexpr size_t kMaxContexts = 40;
// Ids that a context has for its subtree, itself not counted, at each depth:
// every child takes an equal part.
constexpr uint32_t kChildrenOfEach = 8;

struct Delivery {
  ContextId at;
  FrameHeader header;
  std::string text;  // the payload, or a dead reply's message
};

// What one context of the tree does with what it gets: writes it down.
class Node final : public Router::Local {
 public:
  Node(EventLoop* loop, ContextId id, std::vector<Delivery>* deliveries)
      : router(loop, this), id_(id), deliveries_(deliveries) {
    router.SetSelf(id, "n" + std::to_string(id));
  }

  Router router;
  std::vector<ContextId> lost;

 private:
  void OnLocalFrame(Link*, const FrameHeader& header,
                    std::string_view payload) override {
    Dead dead;
    if (header.dead()) {
      EXPECT_TRUE(ParseControl(payload, &dead));
      deliveries_->push_back({id_, header, dead.message});
    } else {
      deliveries_->push_back({id_, header, std::string(payload)});
    }
  }
  void OnModuleFrame(Link*, const FrameHeader&, std::string_view) override {
    ADD_FAILURE() << "there are no modules";
  }
  void OnRefused(Link*, const FrameHeader&) override {}
  Status ExplainLoss(const Link*, const Status&) override {
    return Status(Code::kUnavailable, "lost");
  }
  void OnRouteLost(ContextId id, const Status&) override { lost.push_back(id); }
  void OnLinkLost(Link*, const Status&) override {}

  const ContextId id_;
  std::vector<Delivery>* const deliveries_;
};

// The model: who is whose child, and whom each knows to be below it.
class Model {
 public:
  bool Exists(ContextId id) const { return parents_.count(id) != 0; }
  void Add(ContextId id, ContextId parent) {
    parents_[id] = parent;
    known_[id];
    Show(id, id);
  }
  void Remove(ContextId id) {
    parents_.erase(id);
    known_.erase(id);
  }
  ContextId Parent(ContextId id) const { return parents_.at(id); }
  // True for `id` itself.
  bool IsBelow(ContextId id, ContextId top) const {
    if (!Exists(id)) return false;
    while (id != top && id != kMasterId) id = Parent(id);
    return id == top;
  }
  std::vector<ContextId> Subtree(ContextId top) const {
    std::vector<ContextId> ids;
    for (const auto& [id, parent] : parents_) {
      if (IsBelow(id, top)) ids.push_back(id);
    }
    return ids;
  }
  std::vector<ContextId> All() const { return Subtree(kMasterId); }

  bool Knows(ContextId at, ContextId id) const {
    return known_.at(at).count(id) != 0;
  }
  std::vector<ContextId> KnownBelow(ContextId at) const {
    std::vector<ContextId> ids;
    for (const auto& [id, child] : known_.at(at)) ids.push_back(id);
    return ids;
  }
  // The parent of `hop` is told that `id` is behind `hop`, and tells its own.
  void Show(ContextId hop, ContextId id) {
    for (; hop != kMasterId; hop = Parent(hop)) known_[Parent(hop)][id] = hop;
  }
  // The contrary; gives those who have lost it.
  std::vector<ContextId> Hide(ContextId hop, ContextId id) {
    std::vector<ContextId> told;
    while (hop != kMasterId && known_[Parent(hop)].erase(id) > 0) {
      hop = Parent(hop);
      told.push_back(hop);
    }
    return told;
  }

  // Where a frame that `at` sends in the name of `src` and `auth` ends: true
  // when it reaches *end, which has no way on if that is not `dst`; false when
  // somebody drops it.
  bool Travel(ContextId at, ContextId src, ContextId auth, ContextId dst,
              ContextId* end) const {
    bool from_above = false;
    for (;;) {
      *end = at;
      if (at == dst) return true;
      const auto below = known_.at(at).find(dst);
      const bool up = below == known_.at(at).end();
      if (up && (at == kMasterId || from_above)) return true;
      const ContextId next = up ? Parent(at) : below->second;
      if (!IsBehind(src, at, next) || !IsBehind(auth, at, next)) return false;
      from_above = !up;
      at = next;
    }
  }

 private:
  // Whether `at` reaches `id` through its neighbour `via`.
  bool IsBehind(ContextId id, ContextId via, ContextId at) const {
    if (id == at) return false;
    const auto below = known_.at(at).find(id);
    if (below != known_.at(at).end()) return below->second == via;
    return at != kMasterId && via == Parent(at);
  }

  std::map<ContextId, ContextId> parents_{{kMasterId, kMasterId}};
  // For each context, through which child it reaches whom.
  std::map<ContextId, std::map<ContextId, ContextId>> known_{{kMasterId, {}}};
};

class RouterTreeTest : public testing::TestWithParam<uint32_t> {
 protected:
  RouterTreeTest() {
    const char* const chosen = getenv("RAMET_TEST_SEED");
    seed_ = chosen == nullptr ? GetParam() : strtoul(chosen, nullptr, 10);
    random_.seed(seed_);
    AddNode(kMasterId);
    blocks_[kMasterId].push_back({1, 1u << 31});
  }

  struct Block {
    uint32_t first;
    uint32_t count;
  };

  Node* AddNode(ContextId id) {
    nodes_[id] = std::make_unique<Node>(&loop_, id, &deliveries_);
    return nodes_[id].get();
  }

  ContextId AnyOf(const std::vector<ContextId>& ids) {
    return ids[random_() % ids.size()];
  }
  // Somebody who is there, who was, or who never will be.
  ContextId Anybody() {
    const uint32_t choice = random_() % 10;
    if (choice < 7 || gone_.empty()) return AnyOf(model_.All());
    return choice < 9 ? AnyOf(gone_) : random_();
  }

  // A part of what `parent` has for its subtree; count 0: it has too little.
  Block TakeBlock(ContextId parent) {
    for (Block& rest : blocks_[parent]) {
      const uint32_t count = rest.count / kChildrenOfEach;
      if (count < kChildrenOfEach) continue;
      const Block taken{rest.first, count};
      rest.first += count;
      rest.count -= count;
      return taken;
    }
    return {0, 0};
  }

  void Grow() {
    const ContextId parent = AnyOf(model_.All());
    if (nodes_.size() >= kMaxContexts) return;
    const Block block = TakeBlock(parent);
    if (block.count == 0) return;
    const ContextId id = block.first;
    MemoryNetwork::Pair pair = network_.MakePair();
    Node* const child = AddNode(id);
    Router& router = nodes_[parent]->router;
    router.AddChild(std::move(pair.a), id, "child");
    child->router.AddParent(std::move(pair.b), parent);
    Give(id, parent, {id + 1, block.count - 1});
    router.Announce(id);
    model_.Add(id, parent);
    network_.Settle();
  }
  // A context gets a further block of its parent's.
  void Grant() {
    const ContextId id = AnyOf(model_.All());
    if (id == kMasterId) return;
    const ContextId parent = model_.Parent(id);
    const Block block = TakeBlock(parent);
    if (block.count > 0) Give(id, parent, block);
  }
  void Give(ContextId id, ContextId parent, Block block) {
    Router& router = nodes_[parent]->router;
    router.RecordGrant(router.LinkTo(id), block.first, block.count);
    granted_[id].push_back(block);
    blocks_[id].push_back(block);
  }
  bool IsGranted(ContextId id, ContextId to) {
    for (const Block& block : granted_[to]) {
      if (id - block.first < block.count) return true;
    }
    return false;
  }

  void ForgetLosses() {
    for (auto& [id, node] : nodes_) node->lost.clear();
  }
  // `ids` can't be reached any more from outside of `top`'s subtree. Whoever
  // was above them knows, and who there has exchanged frames with one.
  void ExpectTold(const std::set<ContextId>& ids, ContextId top) {
    for (auto& [id, node] : nodes_) {
      std::set<ContextId> told;
      for (ContextId lost : node->lost) {
        EXPECT_TRUE(told.insert(lost).second) << id << " was told twice";
        EXPECT_EQ(ids.count(lost), 1u) << id << " was told of " << lost;
      }
    }
    for (ContextId lost : ids) {
      std::set<ContextId> inside;
      for (ContextId peer : peers_[lost]) {
        if (!model_.Exists(peer)) continue;
        if (model_.IsBelow(peer, top)) {
          inside.insert(peer);
          continue;
        }
        const std::vector<ContextId>& told = nodes_[peer]->lost;
        EXPECT_EQ(std::count(told.begin(), told.end(), lost), 1)
            << peer << " was not told of " << lost;
      }
      peers_[lost] = inside;
    }
  }

  void BreakOff() {
    const ContextId top = AnyOf(model_.All());
    if (top == kMasterId) return;
    const std::vector<ContextId> ids = model_.Subtree(top);
    ForgetLosses();
    // Everybody in the branch dies; the links between them may go in any order.
    std::vector<ContextId> order = ids;
    std::shuffle(order.begin(), order.end(), random_);
    for (ContextId id : order) nodes_.erase(id);
    network_.Settle();
    std::map<ContextId, std::vector<ContextId>> expected;
    for (ContextId id : ids) {
      for (ContextId above : model_.Hide(top, id))
        expected[above].push_back(id);
    }
    const ContextId parent = model_.Parent(top);
    for (ContextId id : ids) {
      model_.Remove(id);
      gone_.push_back(id);
    }
    for (ContextId above = parent;; above = model_.Parent(above)) {
      std::vector<ContextId> lost = nodes_[above]->lost;
      std::sort(lost.begin(), lost.end());
      ASSERT_EQ(lost, expected[above]) << "told to " << above;
      if (above == kMasterId) break;
    }
    ExpectTold({ids.begin(), ids.end()}, top);
    for (ContextId id : ids) peers_.erase(id);
  }

  // A context says that somebody below it is lost, who is not, or is there
  // again. That it may do.
  void HideOrShow() {
    const ContextId hop = AnyOf(model_.All());
    if (hop == kMasterId) return;
    const std::vector<ContextId> below = model_.KnownBelow(hop);
    if (below.empty()) return;
    const ContextId id = AnyOf(below);
    const ContextId parent = model_.Parent(hop);
    FrameHeader header;
    header.dst_id = parent;
    ForgetLosses();
    if (model_.Knows(parent, id)) {
      header.handle = kDelRoute;
      nodes_[hop]->router.Send(header,
                               SerializeControl(DelRoute{id, 14, "hidden"}));
      network_.Settle();
      for (ContextId above : model_.Hide(hop, id)) {
        EXPECT_EQ(nodes_[above]->lost, std::vector<ContextId>{id});
      }
      ExpectTold({id}, hop);
    } else {
      header.handle = kAddRoute;
      nodes_[hop]->router.Send(header, SerializeControl(AddRoute{id, "again"}));
      network_.Settle();
      model_.Show(hop, id);
      ExpectTold({}, kMasterId);
    }
  }

  void SendSomething() {
    const ContextId at = AnyOf(model_.All());
    FrameHeader header;
    header.dst_id = Anybody();
    header.src_id = random_() % 3 == 0 ? Anybody() : at;
    header.auth_id = random_() % 5 == 0 ? Anybody() : header.src_id;
    constexpr HandleId kHandles[] = {kCallFunction, kPing, kShutdown, 1000};
    header.handle = kHandles[random_() % 4];
    header.reply_to = random_() % 4 == 0 ? 0 : 1000 + random_() % 1000;
    const std::string text = "frame " + std::to_string(random_());
    deliveries_.clear();
    nodes_[at]->router.SendAs(header, text);
    network_.Settle();

    std::string what = "from " + std::to_string(at) + ": " + header.ToString();
    ContextId end = 0;
    const bool travels =
        model_.Travel(at, header.src_id, header.auth_id, header.dst_id, &end);
    const bool arrives = travels && end == header.dst_id;
    const std::string no_route =
        "no route to " + std::to_string(header.dst_id) + " from " +
        std::to_string(end) + " (n" + std::to_string(end) + ")";
    // A dead reply is a frame like any other.
    ContextId told = 0;
    const bool tells = travels && !arrives && header.reply_to != kNoHandle &&
                       model_.Travel(end, end, end, header.src_id, &told) &&
                       told == header.src_id;
    if (!arrives && !tells) {
      ASSERT_TRUE(deliveries_.empty()) << what;
      return;
    }
    ASSERT_EQ(deliveries_.size(), 1u) << what;
    const Delivery& delivery = deliveries_[0];
    if (arrives) {
      EXPECT_EQ(delivery.at, header.dst_id) << what;
      EXPECT_EQ(delivery.text, text) << what;
      FrameHeader expected = header;
      // Frames to oneself are not written.
      expected.length = delivery.header.length;
      EXPECT_EQ(delivery.header, expected) << what;
      // With a borrowed name nobody gets to know its owner.
      if (header.src_id == at && at != header.dst_id) {
        peers_[at].insert(header.dst_id);
        peers_[header.dst_id].insert(at);
      }
    } else {
      EXPECT_EQ(delivery.at, header.src_id) << what;
      EXPECT_TRUE(delivery.header.dead()) << what;
      EXPECT_EQ(delivery.header.handle, header.reply_to) << what;
      EXPECT_EQ(delivery.text, no_route) << what;
    }
  }

  // A context announces an id that it may not have.
  void Lie() {
    const ContextId liar = AnyOf(model_.All());
    if (liar == kMasterId) return;
    const ContextId id = Anybody();
    const ContextId parent = model_.Parent(liar);
    FrameHeader header;
    header.dst_id = parent;
    header.handle = random_() % 2 ? kAddRoute : kDelRoute;
    if (header.handle == kAddRoute) {
      const bool may =
          id != parent && !model_.Knows(parent, id) && IsGranted(id, liar);
      if (may) return;
    } else if (model_.Knows(parent, id) && model_.IsBelow(id, liar) &&
               id != liar) {
      return;
    }
    AddRoute message;
    message.id = id;
    ForgetLosses();
    const size_t routes = nodes_[parent]->router.route_count();
    nodes_[liar]->router.Send(header, SerializeControl(message));
    network_.Settle();
    EXPECT_EQ(nodes_[parent]->router.route_count(), routes)
        << liar << " lied about " << id;
    ExpectTold({}, kMasterId);
  }

  // A context says to somebody who is not its parent that a third is lost.
  void LieSideways() {
    const ContextId liar = AnyOf(model_.All());
    FrameHeader header;
    header.dst_id = AnyOf(model_.All());
    if (liar == header.dst_id || model_.Parent(header.dst_id) == liar ||
        model_.Parent(liar) == header.dst_id) {
      return;
    }
    header.handle = kDelRoute;
    ForgetLosses();
    nodes_[liar]->router.Send(header,
                              SerializeControl(DelRoute{Anybody(), 14, "lie"}));
    network_.Settle();
    ExpectTold({}, kMasterId);
  }

  FakeClock clock_;
  EventLoop loop_{&clock_};
  MemoryNetwork network_{&loop_};
  uint32_t seed_;
  std::mt19937 random_;
  std::vector<Delivery> deliveries_;
  std::map<ContextId, std::unique_ptr<Node>> nodes_;
  std::map<ContextId, std::vector<Block>> granted_;
  std::map<ContextId, std::vector<Block>> blocks_;  // what is left of it
  // Who must learn when one is lost.
  std::map<ContextId, std::set<ContextId>> peers_;
  std::vector<ContextId> gone_;
  Model model_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, RouterTreeTest, testing::Range(1u, 9u));

TEST_P(RouterTreeTest, DeliversWhatTheModelDelivers) {
  SCOPED_TRACE("RAMET_TEST_SEED=" + std::to_string(seed_));
  for (int i = 0; i < 12; ++i) Grow();
  for (int step = 0; step < kSteps && !HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const uint32_t choice = random_() % 40;
    if (choice < 6) {
      Grow();
    } else if (choice < 8) {
      BreakOff();
    } else if (choice < 11) {
      Lie();
    } else if (choice < 12) {
      LieSideways();
    } else if (choice < 14) {
      HideOrShow();
    } else if (choice < 15) {
      Grant();
    } else {
      SendSomething();
    }
  }
}

}  // namespace
}  // namespace ramet::core
