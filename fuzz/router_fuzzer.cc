// Frames from links that may lie in every field. A frame leaves the router, to
// another link or to the context itself, unchanged, once, the right way, and
// only if its source and its authority route back over the link that it came
// from. A refused one has no effect, not even a dead reply. No link takes, or
// loses, the route of another.

#include <stdint.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/status.h"
#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "core/route/link.h"
#include "core/route/router.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"
#include "fuzz/fuzz_input.h"

namespace ramet::core {
namespace {

enum LinkNumber { kUp, kLeft, kRight, kModule, kLinkCount };

// Small numbers, so that they meet. Routes are only ever to ids below kIds.
constexpr ContextId kParentId = 1;
constexpr ContextId kSelfId = 2;
constexpr ContextId kLeftId = 3;
constexpr ContextId kRightId = 4;
constexpr ContextId kModuleId = 5;
constexpr ContextId kLeftBlock = 8;
constexpr ContextId kRightBlock = 12;
constexpr uint32_t kBlockIds = 4;
constexpr ContextId kIds = 16;

// The link that may announce a route to `id`, or has it from the beginning.
LinkNumber OwnerOf(ContextId id) {
  if (id == kLeftId || id - kLeftBlock < kBlockIds) return kLeft;
  if (id == kRightId || id - kRightBlock < kBlockIds) return kRight;
  return id == kModuleId ? kModule : kUp;
}

// A context with a parent, two children and a module, all of them raw peers.
class Tree final : public Router::Local {
 public:
  Tree() {
    router_.SetSelf(kSelfId, "self");
    links_[kUp] = router_.AddParent(Attach(kUp), kParentId);
    links_[kLeft] = router_.AddChild(Attach(kLeft), kLeftId, "left");
    links_[kRight] = router_.AddChild(Attach(kRight), kRightId, "right");
    links_[kModule] = router_.AddModule(Attach(kModule), kModuleId, "module");
    router_.RecordGrant(links_[kLeft], kLeftBlock, kBlockIds);
    router_.RecordGrant(links_[kRight], kRightBlock, kBlockIds);
    routes_[kLeftId] = kLeft;
    routes_[kRightId] = kRight;
    routes_[kModuleId] = kModule;
  }

  // The input is a sequence of actions of the peers. Those of one batch may
  // arrive together.
  void Run(fuzz::FuzzInput input) {
    while (!input.empty()) {
      const uint8_t action = input.Byte();
      const auto from = static_cast<LinkNumber>(action & 3);
      switch (action >> 5) {
        case 7:
          peers_[from]->Close();
          may_move_[from] = true;
          break;
        case 6:
          peers_[from]->SendBytes(std::string(kFrameHeaderBytes, '?'));
          may_move_[from] = true;
          break;
        default:
          SendFrame(from, action, &input);
      }
      const bool batch_goes_on = action & 16;
      if (!batch_goes_on) EndBatch();
    }
    EndBatch();
  }

 private:
  struct Sent {
    LinkNumber from;
    FrameHeader header;
    std::string payload;
    bool settled = false;  // delivered or refused
  };

  std::unique_ptr<ByteStream> Attach(LinkNumber number) {
    MemoryNetwork::Pair pair = network_.MakePair();
    peers_[number] = std::make_unique<RawPeer>(std::move(pair.b));
    return std::move(pair.a);
  }

  void SendFrame(LinkNumber from, uint8_t action, fuzz::FuzzInput* input) {
    const bool other_authority = action & 4;
    const bool well_formed = action & 8;
    Sent sent;
    sent.from = from;
    sent.header.flags = input->Byte() & kKnownFlags;
    sent.header.dst_id = input->Byte();
    sent.header.src_id = input->Byte();
    sent.header.auth_id = other_authority ? input->Byte() : sent.header.src_id;
    sent.header.handle = input->Byte();
    // Tells which frame it was; the router's own frames have none.
    sent.header.reply_to = static_cast<HandleId>(sent_.size() + 1);
    if (sent.header.handle == kAddRoute && well_formed) {
      sent.payload = SerializeControl(AddRoute{input->Byte(), "name"});
    } else if (sent.header.handle == kDelRoute && well_formed) {
      sent.payload = SerializeControl(DelRoute{input->Byte(), 14, "gone"});
    } else {
      sent.payload = input->Bytes(input->Byte());
    }
    sent.header.length = static_cast<uint32_t>(sent.payload.size());
    if (sent.header.handle == kAddRoute || sent.header.handle == kDelRoute ||
        sent.header.handle == kShutdown) {
      may_move_[from] = true;
    }
    peers_[from]->Send(sent.header, sent.payload);
    sent_.push_back(std::move(sent));
  }

  void EndBatch() {
    network_.Settle();
    for (LinkNumber to : {kUp, kLeft, kRight, kModule}) {
      RAMET_CHECK(peers_[to]->unparsed().empty());
      for (const RawFrame& frame : peers_[to]->TakeFrames()) {
        RAMET_CHECK(MayLeadTo(to, frame.header.dst_id));
        if (frame.header.reply_to == kNoHandle) {
          CheckOwnFrame(to, frame.header);
        } else {
          CheckDelivery(frame.header, frame.payload);
        }
      }
    }
    CheckRoutes();
    for (bool& may_move : may_move_) may_move = false;
  }

  // Whether `id` was behind a link before this batch, or could get there.
  bool MayLeadTo(LinkNumber link, ContextId id) const {
    if (id == kSelfId) return false;
    const LinkNumber before = id < kIds ? routes_[id] : kUp;
    if (before == link) return true;
    if (link == kUp) return may_move_[before];
    return may_move_[link] && OwnerOf(id) == link;
  }

  void CheckSource(const Sent& sent) const {
    RAMET_CHECK(MayLeadTo(sent.from, sent.header.src_id));
    RAMET_CHECK(MayLeadTo(sent.from, sent.header.auth_id));
  }

  // The frame that this header was sent with; once for each.
  const Sent& Settle(const FrameHeader& header) {
    RAMET_CHECK(header.reply_to - 1 < sent_.size());
    Sent& sent = sent_[header.reply_to - 1];
    RAMET_CHECK(sent.header == header && !sent.settled);
    sent.settled = true;
    return sent;
  }

  LinkNumber CheckDelivery(const FrameHeader& header,
                           std::string_view payload) {
    const Sent& sent = Settle(header);
    CheckSource(sent);
    RAMET_CHECK(sent.payload == payload);
    RAMET_CHECK(header.reply_to <= last_[sent.from]);
    return sent.from;
  }

  // What the router says by itself: news of routes, and dead replies.
  void CheckOwnFrame(LinkNumber to, const FrameHeader& header) const {
    RAMET_CHECK(header.src_id == kSelfId && header.auth_id == kSelfId);
    if (header.dead()) {
      RAMET_CHECK(header.handle - 1 < sent_.size());
      const Sent& cause = sent_[header.handle - 1];
      RAMET_CHECK(header.dst_id == cause.header.src_id);
      CheckSource(cause);
    } else {
      // Neighbours are told of routes; downwards only that one is lost.
      RAMET_CHECK(header.dst_id == (to == kUp     ? kParentId
                                    : to == kLeft ? kLeftId
                                                  : kRightId));
      RAMET_CHECK(to == kUp
                      ? header.handle == kAddRoute || header.handle == kDelRoute
                      : to != kModule && header.handle == kDelRoute);
    }
  }

  void CheckRoutes() {
    size_t count = 0;
    for (ContextId id = 0; id < kIds; ++id) {
      LinkNumber now = kUp;
      if (router_.HasRoute(id)) {
        ++count;
        now = OwnerOf(id);
        RAMET_CHECK(router_.LinkTo(id) == links_[now]);
      }
      RAMET_CHECK(now == routes_[id] || may_move_[OwnerOf(id)]);
      routes_[id] = now;
    }
    RAMET_CHECK(count == router_.route_count());
  }

  void OnLocalFrame(Link* from, const FrameHeader& header,
                    std::string_view payload) override {
    const LinkNumber number = CheckDelivery(header, payload);
    RAMET_CHECK(from == links_[number] && number != kModule);
    RAMET_CHECK(header.dst_id == kSelfId);
    if (header.handle == kShutdown) {
      // As a context ends a link: nothing that is behind counts any more.
      last_[number] = header.reply_to;
      router_.CloseLink(from, Status(Code::kInternal, "a violation"));
    }
  }
  void OnModuleFrame(Link* from, const FrameHeader& header,
                     std::string_view payload) override {
    RAMET_CHECK(CheckDelivery(header, payload) == kModule);
    RAMET_CHECK(from == links_[kModule]);
  }
  void OnRefused(Link* link, const FrameHeader& header) override {
    RAMET_CHECK(link == links_[Settle(header).from]);
  }
  Status ExplainLoss(const Link*, const Status& why) override { return why; }
  void OnRouteLost(ContextId id, const Status&) override {
    RAMET_CHECK(!router_.HasRoute(id));
  }
  void OnLinkLost(Link* link, const Status&) override {
    for (ContextId id = 0; id < kIds; ++id) {
      RAMET_CHECK(router_.LinkTo(id) != link);
    }
  }

  const FakeClock clock_;
  EventLoop loop_{&clock_};
  MemoryNetwork network_{&loop_};
  Router router_{&loop_, this};
  std::unique_ptr<RawPeer> peers_[kLinkCount];
  Link* links_[kLinkCount];
  std::vector<Sent> sent_;
  // The last frame of each link that may be delivered.
  HandleId last_[kLinkCount] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
  // Where each id's frames went before this batch, and whose routes this
  // batch may change.
  LinkNumber routes_[kIds] = {};
  bool may_move_[kLinkCount] = {};
};

}  // namespace
}  // namespace ramet::core

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::core::Tree tree;
  tree.Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
