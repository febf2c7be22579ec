#ifndef CORE_ROUTE_ROUTER_H_
#define CORE_ROUTE_ROUTER_H_

#include <stdint.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/id_map.h"
#include "core/base/status.h"
#include "core/loop/event_loop.h"
#include "core/route/link.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"

namespace ramet::core {

// Passes frames along the tree: to this context, to a known descendant, else to
// the parent. The same code in the master and in every agent.
//
// Trust: a frame is accepted from a link only if its src_id and its auth_id
//   route back over that link; everything else is dropped, counted, and never
//   acted upon. A route is accepted only for an id of a block that was granted
//   to the link which announces it. Nothing else about a child is believed.
// Loss: whoever has exchanged frames with a context is told when it can't be
//   reached any more (DEL_ROUTE): the contexts above always, the others as far
//   as the links know that frames have passed. They may be told in vain.
// Overflow: a frame for a descendant whose link is full is answered with a dead
//   reply (RESOURCE_EXHAUSTED); a full link to the parent pauses the children
//   that write to it, because the way up always drains. Log lines are dropped
//   before it comes to that.
// Floods: a child that sends more control frames than its FrameBudget has is
//   not read for a while.
// Ownership: owns its links. Threads: the loop's.
class Router final : private Link::Delegate {
 public:
  // What the context itself does; implemented by Context.
  class Local {
   public:
    virtual ~Local() = default;
    // A verified frame for this context. `from` is null when this context sent
    // it to itself.
    virtual void OnLocalFrame(Link* from, const FrameHeader& header,
                              std::string_view payload) = 0;
    // A verified frame from a module's link, wherever it is addressed to.
    virtual void OnModuleFrame(Link* from, const FrameHeader& header,
                               std::string_view payload) = 0;
    // A frame was refused: its source, or the route that it announces, is
    // forged. Called for each; and for the frame that used up its link's
    // budget.
    virtual void OnRefused(Link* link, const FrameHeader& header) = 0;
    // What to tell those who wait for somebody behind `link`, which is lost.
    virtual Status ExplainLoss(const Link* link, const Status& why) = 0;
    // `id`, below this context or beside it, can't be reached any more; every
    // waiter for it must learn why.
    virtual void OnRouteLost(ContextId id, const Status& why) = 0;
    // A link is gone, after OnRouteLost for all that it led to. It is
    // destroyed in the next turn.
    virtual void OnLinkLost(Link* link, const Status& why) = 0;
    // A link to a child or module, whose queue was above
    // Link::kHighWatermarkBytes, takes more again.
    virtual void OnLinkDrained() {}
  };

  Router(EventLoop* loop, Local* local);
  ~Router() override;

  ContextId self() const { return self_; }
  const std::string& name() const { return name_; }
  // What this context is. kUnknownId: a child before its parent's Hello, which
  // accepts nothing else.
  void SetSelf(ContextId self, std::string name) {
    self_ = self;
    name_ = std::move(name);
  }

  // How many contexts are above this one: what their links may carry limits
  // what this one takes from its children.
  void set_depth(uint32_t depth) { depth_ = depth; }

  // While set, no frame passes here from one child's subtree to another's.
  bool unidirectional() const { return unidirectional_; }
  void set_unidirectional(bool on) { unidirectional_ = on; }

  // Takes a stream to the parent. Once.
  Link* AddParent(std::unique_ptr<ByteStream> stream, ContextId id);
  // Takes a stream to a child that gets `id`, with a route to it. The route is
  // not announced upwards before Announce().
  Link* AddChild(std::unique_ptr<ByteStream> stream, ContextId id,
                 std::string name);
  // Takes the stream to a module of this context, which speaks as `id` and
  // nobody else; its frames go to Local::OnModuleFrame instead of along routes.
  Link* AddModule(std::unique_ptr<ByteStream> stream, ContextId id,
                  std::string name);
  // Tells the parent that `id`, a child of this context, is alive.
  void Announce(ContextId id);
  // Lets the contexts above know the authority of `id`, a module, unless they
  // do. Nobody reaches it for that.
  void AnnounceModule(ContextId id);
  // Tells the parent why this context is about to close its link.
  void SayFarewell(const Status& why);
  // Ends a link as if the peer had gone, with this reason.
  void CloseLink(Link* link, const Status& why);

  Link* parent() const { return parent_; }
  // What went over the links, the parent's first.
  LinksReply ReportLinks() const;
  // The links to children and modules.
  std::vector<Link*> children() const;
  // The link that leads to `id`: a descendant's, else the parent's, else null.
  Link* LinkTo(ContextId id) const;
  bool HasRoute(ContextId id) const { return routes_.Has(id); }
  // `id` is a module of this context. Nobody else may speak on its authority.
  bool HasModule(ContextId id) const;
  // Names come from the Hello or ADD_ROUTE; "7" for an unknown id.
  std::string NameOf(ContextId id) const;

  // Remembers that ids [first, first + count) belong to the subtree of `link`.
  void RecordGrant(Link* link, uint32_t first, uint32_t count);

  // Sends a frame that originates here: src_id is set to self(), auth_id too.
  // Undeliverable frames are answered with a dead reply to this context.
  void Send(FrameHeader header, std::string_view payload);
  // The same with the source as given; for a context that answers in the name
  // of its modules or passes on an authority that it has verified. Reaches
  // modules, too.
  void SendAs(const FrameHeader& header, std::string_view payload);
  // The same on behalf of `from`, which is paused while the way is full.
  void Relay(Link* from, const FrameHeader& header, std::string_view payload) {
    Forward(from, header, payload);
  }
  // Tells header.src_id that header.reply_to will get no answer.
  void SendDead(const FrameHeader& header, const Status& why) {
    SendDeadAs(self_, header, why);
  }

  // Takes so many frames' worth off the budget of a child's link, for a frame
  // to `handle` that costs more work than others.
  void Charge(Link* link, HandleId handle, int frames);

  // Verified at every hop: would a frame to `id` go out over `from`?
  bool RoutesBackOver(const Link* from, ContextId id) const;

  uint64_t refused_sources() const { return refused_sources_; }
  uint64_t refused_routes() const { return refused_routes_; }
  size_t route_count() const { return routes_.size(); }

 private:
  struct Route {
    Link* link;
    std::string name;
    bool module = false;
    bool announced = false;  // a module
    uint32_t peers = 0;      // children whose subtrees it exchanged frames with
  };
  struct GrantedBlock {
    uint32_t first;
    uint32_t count;
    Link* link;
  };

  void OnFrame(Link* link, const FrameHeader& header,
               std::string_view payload) override;
  void OnDrained(Link* link) override;
  void OnClosed(Link* link, const Status& why) override;

  void Forward(Link* from, const FrameHeader& header, std::string_view payload);
  // A dead reply to what can't be passed on: to what came from above in the
  // name of whom it was for, if that is known there. Those beside can't know
  // who is on the way, and believe nobody else.
  void RefuseToForward(Link* from, const FrameHeader& header,
                       const Status& why);
  void SendDeadAs(ContextId src, const FrameHeader& header, const Status& why);
  void OnAddRoute(Link* link, const FrameHeader& header,
                  std::string_view payload);
  void OnDelRoute(Link* link, const FrameHeader& header,
                  std::string_view payload);
  void OnDelRouteFromAbove(const FrameHeader& header, std::string_view payload);
  void LoseRoute(ContextId id, const Status& why);
  // A set of links has one bit for each peer id modulo 32: bounded, and those
  // who share a bit are told together.
  static uint32_t Bit(const Link* link) { return 1u << (link->peer_id() & 31); }
  void RememberPeers(Link* from, Link* to, const FrameHeader& header);
  // Tells all of `peers` but `from`, who has said so or is gone.
  void TellPeers(uint32_t peers, const Link* from, ContextId id,
                 const Status& why);
  void SendDelRoute(Link* to, ContextId id, const Status& why);
  // Takes one frame's worth off the budget of a child's link.
  void Charge(Link* link, const FrameHeader& header);
  void ResumeLater();
  bool IsModule(const Link* link) const { return HasModule(link->peer_id()); }
  bool GrantedTo(const Link* link, ContextId id) const;
  void RefuseSource(Link* link, const FrameHeader& header);
  void RefuseRoute(Link* link, const FrameHeader& header);

  EventLoop* const loop_;
  Local* const local_;
  ContextId self_ = kMasterId;
  std::string name_ = "master";
  bool unidirectional_ = false;
  uint32_t depth_ = 0;
  Link* parent_ = nullptr;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<Link>> closed_links_;
  IdMap<Route> routes_;
  std::vector<GrantedBlock> grants_;
  uint32_t upward_peers_ = 0;  // children that know somebody beyond the parent
  std::vector<Link*> paused_by_parent_;
  std::vector<Link*> slowed_;  // not read while they are in debt
  EventLoop::TimerId resume_timer_ = 0;
  EventLoop::TimerId bury_timer_ = 0;
  uint64_t refused_sources_ = 0;
  uint64_t refused_routes_ = 0;
};

}  // namespace ramet::core

#endif  // CORE_ROUTE_ROUTER_H_
