// A tree of routers in memory, against a model of a few lines: random frames,
// forged and honest, while branches grow and break off.

#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
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

constexpr int kSteps = 400;
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

// The model: who is whose child, and no more.
class Model {
 public:
  bool Exists(ContextId id) const { return parents_.count(id) != 0; }
  void Add(ContextId id, ContextId parent) { parents_[id] = parent; }
  void Remove(ContextId id) { parents_.erase(id); }
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

  // Where a frame that `at` sends in the name of `src` and `auth` ends: true
  // when it reaches *end, which has no way on if that is not `dst`; false when
  // somebody drops it.
  bool Travel(ContextId at, ContextId src, ContextId auth, ContextId dst,
              ContextId* end) const {
    while (at != dst) {
      *end = at;
      if (IsBelow(dst, at)) {
        ContextId next = dst;
        while (Parent(next) != at) next = Parent(next);
        if (IsBelow(src, next) || IsBelow(auth, next)) return false;
        at = next;
      } else if (at == kMasterId) {
        return true;
      } else {
        if (!IsBelow(src, at) || !IsBelow(auth, at)) return false;
        at = Parent(at);
      }
    }
    *end = at;
    return true;
  }

 private:
  std::map<ContextId, ContextId> parents_{{kMasterId, kMasterId}};
};

class RouterTreeTest : public testing::TestWithParam<uint32_t> {
 protected:
  RouterTreeTest() : random_(GetParam()) {
    const char* const chosen = getenv("RAMET_TEST_SEED");
    if (chosen != nullptr) random_.seed(strtoul(chosen, nullptr, 10));
    AddNode(kMasterId);
    blocks_[kMasterId] = {1, 1u << 31};
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

  void Grow() {
    const ContextId parent = AnyOf(model_.All());
    Block* const rest = &blocks_[parent];
    const uint32_t count = rest->count / kChildrenOfEach;
    if (nodes_.size() >= kMaxContexts || count < kChildrenOfEach) return;
    const ContextId id = rest->first;
    const Block granted{id + 1, count - 1};
    rest->first += count;
    rest->count -= count;
    blocks_[id] = granted;
    granted_[id] = granted;

    MemoryNetwork::Pair pair = network_.MakePair();
    Node* const child = AddNode(id);
    Router& router = nodes_[parent]->router;
    Link* const link = router.AddChild(std::move(pair.a), id, "child");
    child->router.AddParent(std::move(pair.b), parent);
    router.RecordGrant(link, granted.first, granted.count);
    router.Announce(id);
    model_.Add(id, parent);
    network_.Settle();
  }

  void BreakOff() {
    const ContextId top = AnyOf(model_.All());
    if (top == kMasterId) return;
    std::vector<ContextId> ids = model_.Subtree(top);
    std::sort(ids.begin(), ids.end());
    for (auto& [id, node] : nodes_) node->lost.clear();
    // Everybody in the branch dies; the links between them may go in any order.
    std::vector<ContextId> order = ids;
    std::shuffle(order.begin(), order.end(), random_);
    for (ContextId id : order) nodes_.erase(id);
    network_.Settle();
    for (ContextId above = model_.Parent(top);; above = model_.Parent(above)) {
      std::vector<ContextId> lost = nodes_[above]->lost;
      std::sort(lost.begin(), lost.end());
      ASSERT_EQ(lost, ids) << "told to " << above;
      if (above == kMasterId) break;
    }
    for (ContextId id : ids) {
      model_.Remove(id);
      gone_.push_back(id);
    }
  }

  void SendSomething() {
    const ContextId at = AnyOf(model_.All());
    FrameHeader header;
    header.dst_id = Anybody();
    header.src_id = random_() % 3 == 0 ? Anybody() : at;
    header.auth_id = random_() % 5 == 0 ? Anybody() : header.src_id;
    header.handle = kCallFunction;
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
    const Block granted = granted_[liar];
    if (!model_.Exists(id) && id - granted.first < granted.count) return;
    FrameHeader header;
    header.dst_id = model_.Parent(liar);
    header.handle = random_() % 2 ? kAddRoute : kDelRoute;
    if (header.handle == kDelRoute && model_.IsBelow(id, liar) && id != liar) {
      return;  // that it may do
    }
    AddRoute message;
    message.id = id;
    const size_t routes = nodes_[header.dst_id]->router.route_count();
    nodes_[liar]->router.Send(header, SerializeControl(message));
    network_.Settle();
    EXPECT_EQ(nodes_[header.dst_id]->router.route_count(), routes)
        << liar << " lied about " << id;
  }

  FakeClock clock_;
  EventLoop loop_{&clock_};
  MemoryNetwork network_{&loop_};
  std::mt19937 random_;
  std::vector<Delivery> deliveries_;
  std::map<ContextId, std::unique_ptr<Node>> nodes_;
  std::map<ContextId, Block> granted_;
  std::map<ContextId, Block> blocks_;  // what is left of it
  std::vector<ContextId> gone_;
  Model model_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, RouterTreeTest, testing::Range(1u, 9u));

TEST_P(RouterTreeTest, DeliversWhatTheModelDelivers) {
  // RAMET_TEST_SEED=N runs another one.
  printf("seed %u\n", GetParam());
  for (int i = 0; i < 12; ++i) Grow();
  for (int step = 0; step < kSteps && !HasFatalFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const uint32_t choice = random_() % 20;
    if (choice < 3) {
      Grow();
    } else if (choice < 4) {
      BreakOff();
    } else if (choice < 6) {
      Lie();
    } else {
      SendSomething();
    }
  }
}

}  // namespace
}  // namespace ramet::core
