#ifndef CORE_CONTEXT_HEARTBEAT_H_
#define CORE_CONTEXT_HEARTBEAT_H_

#include <stdint.h>

#include <functional>
#include <vector>

#include "core/loop/event_loop.h"
#include "core/route/router.h"

namespace ramet::core {

// How links are watched; the same in a whole tree.
struct HeartbeatOptions {
  static constexpr uint32_t kDefaultIntervalMs = 15'000;
  static constexpr uint32_t kDefaultCount = 3;

  uint32_t interval_ms = kDefaultIntervalMs;  // 0: nothing is watched
  uint32_t count = kDefaultCount;             // at least 1
};

// Finds peers that are stopped, or behind a network that swallows everything:
// a watched link over which nothing has come for `count` intervals is closed,
// UNAVAILABLE, and everybody who waits for somebody behind it learns why.
//
// Whatever comes over a link is a sign of life, and so is a full link that goes
// on taking. Over one that is quiet the
// parent sends a PING per interval, which the child answers, so that both ends
// hear something. The child only listens.
//
// Silence is counted in ticks of half an interval and not read off the clock:
// a process that was stopped itself, or that slept, finds what its peers have
// sent meanwhile before it blames them.
//
// Threads: the loop's. Lives as long as the router.
class Heartbeat {
 public:
  // Runs once per tick, and tells whether all links were quiet since the last.
  using TickHandler = std::function<void(bool quiet)>;

  Heartbeat(EventLoop* loop, Router* router) : loop_(loop), router_(router) {}
  ~Heartbeat() { loop_->CancelTimer(timer_); }
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // Once, before the first Watch.
  void Start(const HeartbeatOptions& options);
  const HeartbeatOptions& options() const { return options_; }
  void AddTickHandler(TickHandler handler) {
    tick_handlers_.push_back(std::move(handler));
  }

  // The other end has said hello, and must show signs of life from now on.
  void Watch(Link* link);
  // For links that are lost; others are ignored.
  void Forget(Link* link);

  // Ticks without a sign of life after which somebody is given up.
  uint32_t max_silent_ticks() const { return 2 * options_.count - 1; }
  // For texts: "no sign of life for 45000 ms".
  Status Explain() const;

 private:
  struct Watched {
    Link* link;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t silent_ticks;
  };

  void ScheduleTick();
  void Tick();
  // False: nothing has come or gone since the last tick.
  bool Check(Watched* watched);
  void Ping(Link* link);

  EventLoop* const loop_;
  Router* const router_;
  HeartbeatOptions options_;
  EventLoop::TimerId timer_ = 0;
  std::vector<Watched> watched_;
  std::vector<TickHandler> tick_handlers_;
};

}  // namespace ramet::core

#endif  // CORE_CONTEXT_HEARTBEAT_H_
