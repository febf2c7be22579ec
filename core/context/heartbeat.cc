#include "core/context/heartbeat.h"

#include "core/base/strings.h"

namespace ramet::core {

void Heartbeat::Start(const HeartbeatOptions& options) {
  options_ = options;
  if (options_.count == 0) options_.count = 1;
  if (options_.interval_ms != 0) ScheduleTick();
}

void Heartbeat::Watch(Link* link) {
  const Link::Counters& counters = link->counters();
  watched_.push_back({link, counters.bytes_in, counters.bytes_out, 0});
}

void Heartbeat::Forget(Link* link) {
  for (size_t i = 0; i < watched_.size(); ++i) {
    if (watched_[i].link != link) continue;
    watched_[i] = watched_.back();
    watched_.pop_back();
    return;
  }
}

Status Heartbeat::Explain() const {
  return Error(Code::kUnavailable,
               {"no sign of life for ",
                uint64_t{options_.interval_ms} * options_.count, " ms"});
}

void Heartbeat::ScheduleTick() {
  timer_ = loop_->RunAfter(int64_t{500} * options_.interval_ms, [this] {
    ScheduleTick();
    Tick();
  });
}

void Heartbeat::Tick() {
  bool quiet = true;
  std::vector<Link*> silent;
  for (Watched& watched : watched_) {
    if (Check(&watched)) quiet = false;
    if (watched.silent_ticks >= max_silent_ticks()) {
      silent.push_back(watched.link);
    }
  }
  for (Link* link : silent) router_->CloseLink(link, Explain());
  for (const TickHandler& handler : tick_handlers_) handler(quiet);
}

bool Heartbeat::Check(Watched* watched) {
  const Link::Counters& counters = watched->link->counters();
  const bool spoke = counters.bytes_out != watched->bytes_out;
  // What this side does not read can't be held against the other. On a slow
  // line a PING waits behind bulk: while that gets on, somebody takes it.
  const bool heard = counters.bytes_in != watched->bytes_in ||
                     watched->link->paused() ||
                     (spoke && watched->link->blocked());
  watched->silent_ticks = heard ? 0 : watched->silent_ticks + 1;
  if (!heard && !spoke) watched->link->Trim();
  // A PING is urgent, but nothing goes ahead of the hello.
  const bool hello_is_queued =
      counters.bytes_out == 0 && counters.frames_out != 0;
  if ((!heard || !spoke) && watched->link != router_->parent() &&
      !hello_is_queued) {
    Ping(watched->link);
  }
  watched->bytes_in = counters.bytes_in;
  watched->bytes_out = counters.bytes_out;
  return heard || spoke;
}

void Heartbeat::Ping(Link* link) {
  FrameHeader header;
  header.flags = kFlagPriority;
  header.dst_id = link->peer_id();
  header.handle = kPing;
  header.reply_to = kPing;
  router_->Send(header, {});
}

}  // namespace ramet::core
