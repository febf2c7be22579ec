#include "core/context/context.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/strings.h"
#include "core/wire/control.h"

namespace ramet::core {
namespace {

// A link whose frames are refused is told of at most this often.
constexpr int64_t kReportIntervalUs = 10'000'000;

}  // namespace

// Waits for the parent's answer to one ALLOCATE_ID.
class Context::GrantWaiter final : public ReplyHandler {
 public:
  GrantWaiter(Context* context, uint32_t count, IdsCallback done)
      : context_(context), count_(count), done_(std::move(done)) {
    handle_ =
        context_->handles_.Add(context_->router_.parent()->peer_id(), this);
  }

  void Ask() {
    FrameHeader header;
    header.dst_id = context_->router_.parent()->peer_id();
    header.handle = kAllocateId;
    header.reply_to = handle_;
    AllocateId message;
    message.count = std::max(count_, kGrantIds);
    context_->router_.Send(header, SerializeControl(message));
  }

  void OnReply(const FrameHeader&, std::string_view payload) override {
    context_->handles_.Remove(handle_);
    Grant grant;
    if (ParseControl(payload, &grant)) {
      context_->ids_.Add(grant.first, grant.count);
    }
    uint32_t first = 0;
    if (context_->ids_.Take(count_, &first)) {
      Finish(Status(), first);
    } else {
      Finish(Status(Code::kInternal, "parent granted too few ids"), 0);
    }
  }

  void OnDead(const Status& why) override { Finish(why, 0); }

 private:
  void Finish(const Status& status, uint32_t first) {
    IdsCallback done = std::move(done_);
    std::unique_ptr<GrantWaiter> self;
    std::vector<std::unique_ptr<GrantWaiter>>& waiters =
        context_->grant_waiters_;
    for (size_t i = 0; i < waiters.size(); ++i) {
      if (waiters[i].get() != this) continue;
      self = std::move(waiters[i]);
      waiters.erase(waiters.begin() + i);
      break;
    }
    done(status, first);
  }

  Context* const context_;
  const uint32_t count_;
  IdsCallback done_;
  HandleId handle_;
};

Context::Context(EventLoop* loop)
    : loop_(loop), router_(loop, this), heartbeat_(loop, &router_) {
  SetHandler(
      kPing, Access::kAnyone,
      [this](Link*, const FrameHeader& header, std::string_view payload) {
        if (header.reply_to == kNoHandle || header.dead()) return;
        FrameHeader reply;
        reply.flags = kFlagPriority;
        reply.dst_id = header.src_id;
        reply.handle = header.reply_to;
        router_.Send(reply, payload);
      });
  SetHandler(
      kAllocateId, Access::kChildren,
      [this](Link* from, const FrameHeader& header, std::string_view payload) {
        OnAllocateId(from, header, payload);
      });
}

Context::~Context() = default;

void Context::SetHandler(StandardHandle handle, Access access,
                         FrameHandler handler) {
  standard_[handle] = Standard{access, std::move(handler)};
}

bool Context::IsSelfOrAncestor(ContextId id) const {
  return id == router_.self() || std::find(ancestors_.begin(), ancestors_.end(),
                                           id) != ancestors_.end();
}

void Context::TakeIds(uint32_t count, IdsCallback done) {
  uint32_t first = 0;
  if (ids_.Take(count, &first)) {
    done(Status(), first);
    return;
  }
  if (router_.parent() == nullptr) {
    done(Status(Code::kResourceExhausted, "no context ids left"), 0);
    return;
  }
  auto waiter = std::make_unique<GrantWaiter>(this, count, std::move(done));
  grant_waiters_.push_back(std::move(waiter));
  grant_waiters_.back()->Ask();
}

void Context::TopUpIds() {
  constexpr uint32_t kFewIds = 8;
  if (topping_up_ || router_.parent() == nullptr ||
      ids_.available() >= kFewIds) {
    return;
  }
  topping_up_ = true;
  auto waiter = std::make_unique<GrantWaiter>(
      this, 0, [this](const Status&, uint32_t) { topping_up_ = false; });
  grant_waiters_.push_back(std::move(waiter));
  grant_waiters_.back()->Ask();
}

void Context::Log(LogLevel level, std::string_view source,
                  std::string_view text) {
  if (level < log_level_) return;
  const Link* const parent = router_.parent();
  if (parent != nullptr && parent->queued_bytes() > Link::kLowWatermarkBytes) {
    log_budget_.Drop();
    return;
  }
  if (!log_budget_.Take(loop_->NowUs())) return;
  const uint32_t dropped = log_budget_.TakeDropped();
  if (dropped > 0) {
    SendLog(LogLevel::kWarning, "log", Concat({dropped, " lines dropped"}));
  }
  SendLog(level, source, text);
}

void Context::SendLog(LogLevel level, std::string_view source,
                      std::string_view text) {
  ForwardLog log;
  log.level = static_cast<uint32_t>(level);
  log.source.assign(source);
  log.text.assign(text);
  FrameHeader header;
  header.dst_id = kMasterId;
  header.handle = kForwardLog;
  router_.Send(header, SerializeControl(log));
}

bool Context::ReserveGrant(Link* from) {
  uint32_t most = kMaxSubtreeIds;
  // The master has enough for all.
  if (!ancestors_.empty()) {
    constexpr size_t kMaxDepth = 64;
    most -= kOwnIds * std::min(ancestors_.size(), kMaxDepth);
    if (asked_by_children_ + kGrantIds > most) return false;
    most -= most / 4;
  }
  if (from->asked_ids() + kGrantIds > most) return false;
  asked_by_children_ += kGrantIds;
  from->set_asked_ids(from->asked_ids() + kGrantIds);
  return true;
}

void Context::OnAllocateId(Link* from, const FrameHeader& header,
                           std::string_view payload) {
  AllocateId message;
  if (from == nullptr || !ParseControl(payload, &message) ||
      message.count == 0 || message.count > kGrantIds) {
    router_.SendDead(header, Error(Code::kInvalidArgument,
                                   {"a grant has 1 to ", kGrantIds, " ids"}));
    return;
  }
  if (!ReserveGrant(from)) {
    router_.SendDead(
        header,
        Error(Code::kResourceExhausted,
              {from->name(), " was granted ", from->asked_ids(),
               " ids and may have no more of context ", router_.name()}));
    return;
  }
  const ContextId child = from->peer_id();
  TakeIds(kGrantIds,
          [this, header, child](const Status& status, uint32_t first) {
            // The child may have gone while the ancestors were asked.
            if (!router_.HasRoute(child)) return;
            if (!status.ok()) {
              router_.SendDead(header, status);
              return;
            }
            router_.RecordGrant(router_.LinkTo(child), first, kGrantIds);
            FrameHeader reply;
            reply.dst_id = header.src_id;
            reply.handle = header.reply_to;
            Grant grant;
            grant.first = first;
            grant.count = kGrantIds;
            router_.Send(reply, SerializeControl(grant));
          });
}

void Context::OnLocalFrame(Link* from, const FrameHeader& header,
                           std::string_view payload) {
  if (header.handle >= kFirstDynamicHandle) {
    OnDynamicFrame(from, header, payload);
    return;
  }
  // A hello is the link's own: nobody further away may say it.
  if (header.handle == kHello && from != nullptr &&
      (router_.self() == kUnknownId || header.src_id == from->peer_id())) {
    const FrameHandler& handler =
        from == router_.parent() ? on_hello_ : on_child_hello_;
    if (handler) handler(from, header, payload);
    return;
  }
  if (header.handle >= kStandardHandleCount ||
      !standard_[header.handle].handler) {
    router_.SendDead(
        header, Error(Code::kUnimplemented, {"invalid handle ", header.handle,
                                             " in context ", router_.name()}));
    return;
  }
  const Standard& standard = standard_[header.handle];
  bool allowed = true;
  switch (standard.access) {
    case Access::kAncestors:
      allowed = IsSelfOrAncestor(header.auth_id);
      break;
    case Access::kParent:
      allowed = from != nullptr && from == router_.parent() &&
                header.src_id == from->peer_id();
      break;
    case Access::kChildren:
      allowed = from != nullptr && from != router_.parent() &&
                header.src_id == from->peer_id() &&
                header.auth_id == from->peer_id();
      break;
    case Access::kAnyone:
      break;
  }
  if (!allowed) {
    router_.SendDead(header, Error(Code::kPermissionDenied,
                                   {"refused by policy: handle ", header.handle,
                                    " of context ", router_.name()}));
    return;
  }
  standard.handler(from, header, payload);
}

void Context::OnDynamicFrame(Link* from, const FrameHeader& header,
                             std::string_view payload) {
  ContextId respondent = 0;
  if (!handles_.Respondent(header.handle, &respondent)) return;
  const bool genuine =
      header.src_id == respondent ||
      (header.dead() && IsOnTheWay(from, header.src_id, respondent));
  if (genuine) handles_.Deliver(header, payload);
}

bool Context::IsOnTheWay(const Link* from, ContextId hop,
                         ContextId respondent) const {
  if (from == nullptr) return true;  // this context
  if (from != router_.LinkTo(respondent)) return false;
  if (from == router_.parent()) return IsSelfOrAncestor(hop);
  return hop == from->peer_id() ||
         (is_on_the_way_ && is_on_the_way_(hop, respondent));
}

void Context::OnModuleFrame(Link* from, const FrameHeader& header,
                            std::string_view payload) {
  if (on_module_frame_) on_module_frame_(from, header, payload);
}

void Context::OnRefused(Link* link, const FrameHeader& header) {
  const int64_t now_us = loop_->NowUs();
  if (now_us < link->next_report_us()) return;
  link->set_next_report_us(now_us + kReportIntervalUs);
  const Link::Counters& counters = link->counters();
  Log(LogLevel::kWarning, "router",
      Concat({"refused from ", link->name(), ": ", counters.refused_source,
              " frames of forged sources, ", counters.refused_route,
              " forged routes; slowed down ", counters.slowed,
              " times; the last from ", header.src_id, " on the authority of ",
              header.auth_id, " to ", header.dst_id, ", handle ",
              header.handle}));
}

Status Context::ExplainLoss(const Link* link, const Status& why) {
  return explain_loss_ ? explain_loss_(link, why) : why;
}

void Context::OnRouteLost(ContextId id, const Status& why) {
  handles_.FailRespondent(id, why);
  for (const RouteLostHandler& handler : route_lost_) handler(id, why);
}

void Context::OnLinkLost(Link* link, const Status& why) {
  heartbeat_.Forget(link);
  if (!ancestors_.empty() && link->peer_id() == ancestors_[0]) {
    handles_.FailAll(why);
  }
  for (const LinkLostHandler& handler : link_lost_) handler(link, why);
}

void Context::OnLinkDrained() {
  if (link_drained_) link_drained_();
}

}  // namespace ramet::core
