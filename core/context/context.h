#ifndef CORE_CONTEXT_CONTEXT_H_
#define CORE_CONTEXT_CONTEXT_H_

#include <stdint.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/context/heartbeat.h"
#include "core/context/id_pool.h"
#include "core/context/line_budget.h"
#include "core/loop/event_loop.h"
#include "core/route/handle_table.h"
#include "core/route/router.h"
#include "core/wire/frame_header.h"

namespace ramet::core {

// Ids in every answer to ALLOCATE_ID, however few were asked for, so that what
// is remembered of a link is bounded; and with the Hello to a child of the
// master: enough for its whole life in most trees.
inline constexpr uint32_t kGrantIds = 1000;
// With the Hello to a child further down, out of its parent's own grant:
// enough for its modules and a few children.
inline constexpr uint32_t kChildGrantIds = 32;
// That a child of the master may be granted in its life: one that asks for ever
// must not use up everybody's.
inline constexpr uint32_t kMaxSubtreeIds = 100'000;
// What each context below the master keeps of that for itself: its children
// together get as much less than it may have, and one of them three quarters of
// that. So no child keeps its parent from starting others, or a sibling from
// getting ids; a chain of 64 contexts, of which each asks for a grant for the
// next, still works.
inline constexpr uint32_t kOwnIds = 1'500;

// Of log lines, as in ForwardLog.
enum class LogLevel : uint32_t {
  kDebug = 0,
  kInfo = 1,
  kWarning = 2,
  kError = 3,
  kNone = 4,  // as a filter: nothing passes
};

// One context: its place in the tree, its handles, and who may use them.
//
// Ownership: owned by the composition root (agent/ or server/).
// Threads: the loop's.
class Context final : private Router::Local {
 public:
  // A frame to a standard handle; `from` is the link that it came over, null
  // when this context sent it to itself.
  using FrameHandler = std::function<void(Link* from, const FrameHeader& header,
                                          std::string_view payload)>;
  // Who may use a standard handle. Anybody else gets a dead reply,
  // PERMISSION_DENIED.
  enum class Access {
    kAncestors,  // auth_id is this context, its parent, or above
    kParent,     // the context at the other end of the parent's link
    kChildren,   // the context at the other end of a child's link
    kAnyone,     // the handler checks for itself
  };

  explicit Context(EventLoop* loop);
  ~Context() override;

  EventLoop* loop() { return loop_; }
  Router& router() { return router_; }
  HandleTable& handles() { return handles_; }
  Heartbeat& heartbeat() { return heartbeat_; }

  void SetHandler(StandardHandle handle, Access access, FrameHandler handler);

  // Frames to kHello: from the parent, and from children. Each has one owner.
  void SetHelloHandler(FrameHandler handler) { on_hello_ = std::move(handler); }
  void SetChildHelloHandler(FrameHandler handler) {
    on_child_hello_ = std::move(handler);
  }

  // Frames from modules: their links end here, nothing is routed from them.
  void SetModuleFrameHandler(FrameHandler handler) {
    on_module_frame_ = std::move(handler);
  }

  // Whether `hop`, a descendant, is above `respondent`, another one. A dead
  // reply for the respondent is believed from the hops on the way to it, and
  // from no sibling of theirs. Without this, of the hops below only from the
  // child.
  using OnTheWay = std::function<bool(ContextId hop, ContextId respondent)>;
  void SetOnTheWay(OnTheWay is_on_the_way) {
    is_on_the_way_ = std::move(is_on_the_way);
  }

  // Turns the reason why a link is lost into what everybody who waits for
  // somebody behind it is told.
  using LossExplainer =
      std::function<Status(const Link* link, const Status& why)>;
  void SetLossExplainer(LossExplainer explainer) {
    explain_loss_ = std::move(explainer);
  }

  // Told when a link is lost, or a context can't be reached any more that is
  // below this one, or beside it and has exchanged frames with it or somebody
  // below; after everybody who waited for it.
  using LinkLostHandler = std::function<void(Link* link, const Status& why)>;
  using RouteLostHandler = std::function<void(ContextId id, const Status& why)>;
  void AddLinkLostHandler(LinkLostHandler handler) {
    link_lost_.push_back(std::move(handler));
  }
  void AddRouteLostHandler(RouteLostHandler handler) {
    route_lost_.push_back(std::move(handler));
  }

  // A link to a child or module takes more again, after its queue was above
  // Link::kHighWatermarkBytes. One owner.
  void SetLinkDrainedHandler(std::function<void()> handler) {
    link_drained_ = std::move(handler);
  }

  // The ids of the contexts above, parent first, from the Hello.
  void SetAncestors(std::vector<ContextId> ancestors) {
    ancestors_ = std::move(ancestors);
    router_.set_depth(static_cast<uint32_t>(ancestors_.size()));
  }
  const std::vector<ContextId>& ancestors() const { return ancestors_; }
  bool IsSelfOrAncestor(ContextId id) const;

  // Sends a line to the master's log, unless it is below the tree's level, or
  // more come than the way up takes; how many were dropped is told later. Logs
  // never keep a call waiting.
  void Log(LogLevel level, std::string_view source, std::string_view text);
  LogLevel log_level() const { return log_level_; }
  void set_log_level(LogLevel level) { log_level_ = level; }

  // The ids that this context may give to children and modules.
  IdPool& ids() { return ids_; }

  // Takes `count` consecutive ids from the pool, asking the ancestors for more
  // when it runs low; `done` runs at once or later. RESOURCE_EXHAUSTED: the
  // master has none left. UNAVAILABLE: the parent is gone.
  using IdsCallback = std::function<void(const Status& status, uint32_t first)>;
  void TakeIds(uint32_t count, IdsCallback done);

  // Asks the ancestors for another grant when few ids are left, so that the
  // next TakeIds() need not wait.
  void TopUpIds();

 private:
  struct Standard {
    Access access = Access::kAnyone;
    FrameHandler handler;
  };
  class GrantWaiter;

  void OnLocalFrame(Link* from, const FrameHeader& header,
                    std::string_view payload) override;
  void OnModuleFrame(Link* from, const FrameHeader& header,
                     std::string_view payload) override;
  void OnRefused(Link* link, const FrameHeader& header) override;
  Status ExplainLoss(const Link* link, const Status& why) override;
  void OnRouteLost(ContextId id, const Status& why) override;
  void OnLinkLost(Link* link, const Status& why) override;
  void OnLinkDrained() override;

  void OnDynamicFrame(Link* from, const FrameHeader& header,
                      std::string_view payload);
  void SendLog(LogLevel level, std::string_view source, std::string_view text);
  bool IsOnTheWay(const Link* from, ContextId hop, ContextId respondent) const;
  // Whether the child at `from` may have kGrantIds more, which are then its.
  bool ReserveGrant(Link* from);
  void OnAllocateId(Link* from, const FrameHeader& header,
                    std::string_view payload);

  EventLoop* const loop_;
  Router router_;
  Heartbeat heartbeat_;
  HandleTable handles_;
  Standard standard_[kStandardHandleCount];
  std::vector<ContextId> ancestors_;
  LogLevel log_level_ = LogLevel::kDebug;
  LineBudget log_budget_;
  IdPool ids_;
  bool topping_up_ = false;
  uint32_t asked_by_children_ = 0;  // ids, in all
  std::vector<std::unique_ptr<GrantWaiter>> grant_waiters_;
  FrameHandler on_hello_;
  FrameHandler on_child_hello_;
  FrameHandler on_module_frame_;
  OnTheWay is_on_the_way_;
  LossExplainer explain_loss_;
  std::function<void()> link_drained_;
  std::vector<LinkLostHandler> link_lost_;
  std::vector<RouteLostHandler> route_lost_;
};

}  // namespace ramet::core

#endif  // CORE_CONTEXT_CONTEXT_H_
