#include "core/route/router.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/strings.h"

namespace ramet::core {
namespace {

// How often the links that are in debt are looked at.
constexpr int64_t kResumeUs = 10'000;

bool Contains(const std::vector<Link*>& links, const Link* link) {
  return std::find(links.begin(), links.end(), link) != links.end();
}

void Erase(std::vector<Link*>* links, const Link* link) {
  links->erase(std::remove(links->begin(), links->end(), link), links->end());
}

// What calls consist of, and lines of logs, have limits of their own.
bool CostsWork(const FrameHeader& header) {
  return header.handle < kFirstDynamicHandle &&
         header.handle != kCallFunction && header.handle != kForwardLog;
}

// A reason is a failure, whatever the peer says.
Status Reason(const DelRoute& message) {
  return Status(
      message.code == 0 ? Code::kUnavailable : CodeFromNumber(message.code),
      message.reason.substr(0, 4096));
}

}  // namespace

Router::Router(EventLoop* loop, Local* local) : loop_(loop), local_(local) {}

Router::~Router() {
  loop_->CancelTimer(bury_timer_);
  loop_->CancelTimer(resume_timer_);
}

Link* Router::AddParent(std::unique_ptr<ByteStream> stream, ContextId id) {
  RAMET_CHECK(parent_ == nullptr);
  links_.emplace_back(new Link(loop_, std::move(stream), this));
  parent_ = links_.back().get();
  parent_->set_peer_id(id);
  parent_->set_name("parent");
  return parent_;
}

Link* Router::AddChild(std::unique_ptr<ByteStream> stream, ContextId id,
                       std::string name) {
  RAMET_CHECK(id != self_ && !HasRoute(id));
  links_.emplace_back(new Link(loop_, std::move(stream), this));
  Link* const link = links_.back().get();
  link->set_peer_id(id);
  link->set_name(name);
  routes_.Insert(
      id, std::unique_ptr<Route>(new Route{link, std::move(name), false}));
  return link;
}

Link* Router::AddModule(std::unique_ptr<ByteStream> stream, ContextId id,
                        std::string name) {
  Link* const link = AddChild(std::move(stream), id, std::move(name));
  routes_.Find(id)->module = true;
  return link;
}

void Router::Announce(ContextId id) {
  if (parent_ == nullptr) return;
  FrameHeader header;
  header.dst_id = parent_->peer_id();
  header.handle = kAddRoute;
  AddRoute message;
  message.id = id;
  message.name = NameOf(id);
  Send(header, SerializeControl(message));
}

void Router::AnnounceModule(ContextId id) {
  Route* const route = routes_.Find(id);
  if (!route->announced) Announce(id);
  route->announced = true;
}

void Router::SayFarewell(const Status& why) {
  SendDelRoute(parent_, self_, why);
}

LinksReply Router::ReportLinks() const {
  LinksReply reply;
  for (const auto& link : links_) {
    const Link::Counters& counters = link->counters();
    LinkInfo info;
    info.peer_id = link->peer_id();
    info.name = link->name();
    info.frames_in = counters.frames_in;
    info.frames_out = counters.frames_out;
    info.bytes_in = counters.bytes_in;
    info.bytes_out = counters.bytes_out;
    info.refused_sources = counters.refused_source;
    info.refused_routes = counters.refused_route;
    info.refused_full = counters.refused_full;
    info.slowed = counters.slowed;
    info.queued_bytes = link->queued_bytes();
    info.queue_high_water_bytes = counters.queue_high_water_bytes;
    reply.links.push_back(std::move(info));
  }
  return reply;
}

std::vector<Link*> Router::children() const {
  std::vector<Link*> result;
  for (const auto& link : links_) {
    if (link.get() != parent_) result.push_back(link.get());
  }
  return result;
}

void Router::CloseLink(Link* link, const Status& why) { OnClosed(link, why); }

Link* Router::LinkTo(ContextId id) const {
  if (id == self_) return nullptr;
  const Route* const route = routes_.Find(id);
  return route != nullptr ? route->link : parent_;
}

std::string Router::NameOf(ContextId id) const {
  if (id == self_) return name_;
  const Route* const route = routes_.Find(id);
  if (route != nullptr && !route->name.empty()) return route->name;
  return Concat({id});
}

void Router::RecordGrant(Link* link, uint32_t first, uint32_t count) {
  if (count == 0) return;
  for (GrantedBlock& block : grants_) {
    if (block.link == link && block.first + block.count == first) {
      block.count += count;
      return;
    }
  }
  grants_.push_back(GrantedBlock{first, count, link});
}

bool Router::HasModule(ContextId id) const {
  const Route* const route = routes_.Find(id);
  return route != nullptr && route->module;
}

bool Router::GrantedTo(const Link* link, ContextId id) const {
  for (const GrantedBlock& block : grants_) {
    if (block.link == link && id - block.first < block.count) return true;
  }
  return false;
}

bool Router::RoutesBackOver(const Link* from, ContextId id) const {
  if (id == self_) return false;
  const Route* const route = routes_.Find(id);
  if (route != nullptr) return route->link == from;
  // Who is not below this context is above it.
  return from == parent_;
}

void Router::Send(FrameHeader header, std::string_view payload) {
  header.src_id = self_;
  header.auth_id = self_;
  SendAs(header, payload);
}

void Router::SendAs(const FrameHeader& header, std::string_view payload) {
  if (header.dst_id == self_) {
    local_->OnLocalFrame(nullptr, header, payload);
  } else {
    Forward(nullptr, header, payload);
  }
}

void Router::SendDeadAs(ContextId src, const FrameHeader& header,
                        const Status& why) {
  if (header.reply_to == kNoHandle || header.dead()) return;
  FrameHeader reply;
  reply.src_id = src;
  reply.auth_id = self_;
  reply.flags = kFlagDead;
  reply.dst_id = header.src_id;
  reply.handle = header.reply_to;
  Dead dead;
  dead.code = static_cast<uint32_t>(why.code());
  // A frame's worth: a reason longer than this is noise.
  dead.message = why.message().substr(0, 4096);
  SendAs(reply, SerializeControl(dead));
}

void Router::RefuseToForward(Link* from, const FrameHeader& header,
                             const Status& why) {
  const Route* const route = routes_.Find(header.dst_id);
  const bool known_above = from != nullptr && from == parent_ &&
                           route != nullptr &&
                           (!route->module || route->announced);
  SendDeadAs(known_above ? header.dst_id : self_, header, why);
}

void Router::OnFrame(Link* link, const FrameHeader& header,
                     std::string_view payload) {
  if (self_ == kUnknownId) {
    if (link == parent_ && header.handle == kHello) {
      local_->OnLocalFrame(link, header, payload);
    } else {
      CloseLink(link, Status(Code::kInternal, "expected a hello first"));
    }
    return;
  }
  if (!RoutesBackOver(link, header.src_id) ||
      !RoutesBackOver(link, header.auth_id)) {
    RefuseSource(link, header);
    return;
  }
  if (CostsWork(header)) Charge(link, header);
  if (link != parent_ && IsModule(link)) {
    local_->OnModuleFrame(link, header, payload);
    return;
  }
  if (header.dst_id != self_) {
    Forward(link, header, payload);
    return;
  }
  if (header.src_id == link->peer_id()) {
    if (link == parent_) {
      if (header.handle == kDelRoute) {
        return OnDelRouteFromAbove(header, payload);
      }
    } else if (header.handle == kAddRoute) {
      return OnAddRoute(link, header, payload);
    } else if (header.handle == kDelRoute) {
      return OnDelRoute(link, header, payload);
    }
  }
  local_->OnLocalFrame(link, header, payload);
}

void Router::Forward(Link* from, const FrameHeader& header,
                     std::string_view payload) {
  Link* const to = LinkTo(header.dst_id);
  // What came from above and is not below is nowhere; and a module is reached
  // through its context only, which holds each method's policy.
  if (to == nullptr || (to == from && from == parent_) ||
      (from != nullptr && to != parent_ && IsModule(to))) {
    RefuseToForward(
        from, header,
        Error(Code::kUnavailable, {"no route to ", header.dst_id, " from ",
                                   self_, " (", name_, ")"}));
    Charge(from, header);
    return;
  }
  if (to == parent_) {
    if (from != nullptr && header.handle == kForwardLog &&
        to->queued_bytes() > Link::kLowWatermarkBytes) {
      ++to->counters().refused_full;
      return;
    }
    RememberPeers(from, to, header);
    to->ForceQueue(header, payload);
    if (from != nullptr && to->queued_bytes() > Link::kHighWatermarkBytes) {
      from->PauseRead(true);
      if (!Contains(paused_by_parent_, from)) paused_by_parent_.push_back(from);
    }
    return;
  }
  // A module is at its context's place in the tree: all children are below it.
  if (unidirectional_ && from != nullptr && from != parent_ && to != from &&
      !IsModule(from)) {
    SendDead(header, Error(Code::kPermissionDenied,
                           {"refused by policy: ", from->name(), " to ",
                            to->name(), " in a unidirectional tree"}));
    Charge(from, header);
    return;
  }
  RememberPeers(from, to, header);
  if (!to->Queue(header, payload,
                 header.dead() ? Link::kReplyReserveBytes : 0)) {
    RefuseToForward(
        from, header,
        Error(Code::kResourceExhausted,
              {"link to ", to->name(), " holds ", to->queued_bytes(),
               " bytes that it does not take"}));
  }
}

void Router::OnDrained(Link* link) {
  if (link != parent_) return local_->OnLinkDrained();
  std::vector<Link*> paused;
  paused.swap(paused_by_parent_);
  for (Link* child : paused) {
    if (!Contains(slowed_, child)) child->PauseRead(false);
  }
}

void Router::RememberPeers(Link* from, Link* to, const FrameHeader& header) {
  if (from == nullptr || header.src_id == self_) return;
  // What is above is told of all that is below, and ends only with its link.
  const auto beyond = [this](ContextId id) {
    return id != kMasterId && id != parent_->peer_id();
  };
  if (to == parent_) {
    if (beyond(header.dst_id)) upward_peers_ |= Bit(from);
  } else if (from == parent_) {
    if (beyond(header.src_id)) upward_peers_ |= Bit(to);
  } else {
    Route* const source = routes_.Find(header.src_id);
    if (source != nullptr) source->peers |= Bit(to);
    routes_.Find(header.dst_id)->peers |= Bit(from);
  }
}

void Router::TellPeers(uint32_t peers, const Link* from, ContextId id,
                       const Status& why) {
  for (const auto& link : links_) {
    if (link.get() != from && link.get() != parent_ &&
        (peers & Bit(link.get())) && !IsModule(link.get())) {
      SendDelRoute(link.get(), id, why);
    }
  }
}

void Router::Charge(Link* link, const FrameHeader& header) {
  if (link == nullptr || link == parent_ ||
      link->frame_budget().Charge(loop_->NowUs(), depth_) ||
      Contains(slowed_, link)) {
    return;
  }
  ++link->counters().slowed;
  link->PauseRead(true);
  slowed_.push_back(link);
  if (resume_timer_ == 0) ResumeLater();
  local_->OnRefused(link, header);
}

void Router::Charge(Link* link, HandleId handle, int frames) {
  FrameHeader header;
  header.src_id = header.auth_id = link->peer_id();
  header.dst_id = self_;
  header.handle = handle;
  while (--frames >= 0) Charge(link, header);
}

void Router::ResumeLater() {
  resume_timer_ = loop_->RunAfter(kResumeUs, [this] {
    for (size_t i = slowed_.size(); i-- > 0;) {
      Link* const link = slowed_[i];
      if (link->frame_budget().InDebt(loop_->NowUs())) continue;
      slowed_.erase(slowed_.begin() + i);
      if (!Contains(paused_by_parent_, link)) link->PauseRead(false);
    }
    resume_timer_ = 0;
    if (!slowed_.empty()) ResumeLater();
  });
}

void Router::RefuseSource(Link* link, const FrameHeader& header) {
  ++link->counters().refused_source;
  ++refused_sources_;
  Charge(link, header);
  local_->OnRefused(link, header);
}

void Router::RefuseRoute(Link* link, const FrameHeader& header) {
  ++link->counters().refused_route;
  ++refused_routes_;
  local_->OnRefused(link, header);
}

void Router::OnAddRoute(Link* link, const FrameHeader& header,
                        std::string_view payload) {
  AddRoute message;
  if (!ParseControl(payload, &message) || message.id == self_ ||
      HasRoute(message.id) || !GrantedTo(link, message.id)) {
    RefuseRoute(link, header);
    return;
  }
  routes_.Insert(message.id, std::unique_ptr<Route>(new Route{
                                 link, message.name.substr(0, 256), false}));
  Announce(message.id);
}

void Router::OnDelRoute(Link* link, const FrameHeader& header,
                        std::string_view payload) {
  DelRoute message;
  const Route* const route =
      ParseControl(payload, &message) ? routes_.Find(message.id) : nullptr;
  if (route == nullptr || route->link != link) {
    RefuseRoute(link, header);
    return;
  }
  const Status why = Reason(message);
  if (message.id == link->peer_id()) {
    link->set_farewell(why);
  } else {
    LoseRoute(message.id, why);
  }
}

// Believed because whoever is not below is reached through the parent only.
void Router::OnDelRouteFromAbove(const FrameHeader& header,
                                 std::string_view payload) {
  DelRoute message;
  if (!ParseControl(payload, &message) || message.id == self_ ||
      HasRoute(message.id)) {
    RefuseRoute(parent_, header);
    return;
  }
  const Status why = Reason(message);
  TellPeers(upward_peers_, parent_, message.id, why);
  local_->OnRouteLost(message.id, why);
}

void Router::LoseRoute(ContextId id, const Status& why) {
  const std::unique_ptr<Route> route = routes_.Remove(id);
  // What is sent last on its authority comes before the end of its route.
  if (route->module) local_->OnRouteLost(id, why);
  if (!route->module || route->announced) SendDelRoute(parent_, id, why);
  if (route->module) return;
  TellPeers(route->peers, route->link, id, why);
  local_->OnRouteLost(id, why);
}

void Router::SendDelRoute(Link* to, ContextId id, const Status& why) {
  if (to == nullptr || !to->open()) return;
  FrameHeader header;
  header.dst_id = to->peer_id();
  header.handle = kDelRoute;
  DelRoute message;
  message.id = id;
  message.code = static_cast<uint32_t>(why.code());
  message.reason = why.message();
  Send(header, SerializeControl(message));
}

void Router::OnClosed(Link* link, const Status& why) {
  auto it = std::find_if(
      links_.begin(), links_.end(),
      [link](const std::unique_ptr<Link>& each) { return each.get() == link; });
  if (it == links_.end()) return;
  const Status reason =
      local_->ExplainLoss(link, link->farewell().ok() ? why : link->farewell());
  // Callers further up the stack may still hold the link: bury it next turn.
  closed_links_.push_back(std::move(*it));
  links_.erase(it);
  if (bury_timer_ == 0) {
    bury_timer_ = loop_->RunAfter(0, [this] {
      bury_timer_ = 0;
      closed_links_.clear();
    });
  }
  Erase(&paused_by_parent_, link);
  Erase(&slowed_, link);
  if (link == parent_) parent_ = nullptr;

  std::vector<ContextId> lost;
  for (size_t i = 0; i < routes_.size(); ++i) {
    if (routes_.at(i)->link == link) {
      lost.push_back(static_cast<ContextId>(routes_.key_at(i)));
    }
  }
  for (ContextId id : lost) LoseRoute(id, reason);
  for (size_t i = grants_.size(); i-- > 0;) {
    if (grants_[i].link != link) continue;
    grants_[i] = grants_.back();
    grants_.pop_back();
  }
  local_->OnLinkLost(link, reason);
}

}  // namespace ramet::core
