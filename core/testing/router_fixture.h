#ifndef CORE_TESTING_ROUTER_FIXTURE_H_
#define CORE_TESTING_ROUTER_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "core/loop/event_loop.h"
#include "core/route/router.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/control.h"

namespace ramet::core {

inline constexpr ContextId kSelf = 3;
inline constexpr ContextId kParent = 2;
inline constexpr ContextId kLeft = 7;
inline constexpr ContextId kRight = 8;
inline constexpr ContextId kModule = 9;
inline constexpr ContextId kStranger = 500;  // somewhere above, or nowhere
// Granted to kLeft's subtree and to kRight's.
inline constexpr ContextId kLeftBlock = 100;
inline constexpr ContextId kRightBlock = 200;
inline constexpr uint32_t kBlockIds = 10;

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

  // The one dead reply that `edge` got, from `src`.
  Dead TakeDead(Edge* edge, ContextId dst, HandleId handle,
                ContextId src = kSelf) {
    const std::vector<RawFrame> frames = edge->peer.TakeFrames();
    Dead dead;
    EXPECT_EQ(frames.size(), 1u);
    if (frames.empty()) return dead;
    EXPECT_TRUE(frames[0].header.dead());
    EXPECT_EQ(frames[0].header.dst_id, dst);
    EXPECT_EQ(frames[0].header.src_id, src);
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

inline constexpr Output kNothing{0, 0, 0, 0, 0, 0};
inline constexpr Output kToParent{1, 0, 0, 0, 0, 0};
inline constexpr Output kToLeft{0, 1, 0, 0, 0, 0};
inline constexpr Output kToRight{0, 0, 1, 0, 0, 0};
inline constexpr Output kToLocal{0, 0, 0, 0, 1, 0};
inline constexpr Output kFromModule{0, 0, 0, 0, 0, 1};

}  // namespace ramet::core

#endif  // CORE_TESTING_ROUTER_FIXTURE_H_
