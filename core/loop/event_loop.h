#ifndef CORE_LOOP_EVENT_LOOP_H_
#define CORE_LOOP_EVENT_LOOP_H_

#include <stdint.h>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/base/id_map.h"
#include "core/base/unique_fd.h"

namespace ramet::core {

// Told by the loop that a descriptor is ready.
class IoHandler {
 public:
  virtual ~IoHandler() = default;
  // `events` is a set of EPOLL* bits (epoll_ctl(2)). Must not block.
  virtual void OnReady(uint32_t events) = 0;
};

// Wants to do its collected work once, at the end of the loop's turn; a link
// that got ten frames in one turn so makes one write(2).
class TurnEndHandler {
 public:
  virtual ~TurnEndHandler() = default;
  virtual void OnTurnEnd() = 0;
};

// One epoll instance, its timers and its mailbox: the thread that calls Run()
// owns everything that is attached to the loop.
//
// Ownership: the loop owns nothing that it calls; whoever watches a descriptor
//   or schedules a timer takes it back before going away.
// Threads: all methods on the loop's thread, except Post() and Stop().
// Blocking: Run() blocks until Stop(); no callback may block.
class EventLoop {
 public:
  using Task = std::function<void()>;
  using TimerId = uint64_t;  // 0 is never a timer

  explicit EventLoop(const Clock* clock = Clock::Monotonic());
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Scratch for one read, shared by all streams of the loop because a buffer of
  // its own would cost every idle link as much. Valid within one callback.
  static constexpr size_t kScratchBytes = 256 * 1024;
  char* scratch() { return scratch_.get(); }
  // Gives the scratch's pages back until they are used again.
  void TrimScratch();

  const Clock& clock() const { return *clock_; }
  int64_t NowUs() const { return clock_->NowUs(); }

  // Calls `handler` whenever `fd` has one of `events` (EPOLLIN, EPOLLOUT).
  // The descriptor must be pollable and stays the caller's.
  void Watch(int fd, uint32_t events, IoHandler* handler);
  void Modify(int fd, uint32_t events, IoHandler* handler);
  // After this no call for `fd` is made, not even one that is already due.
  void Unwatch(int fd);

  // Runs `task` once, `delay_us` from now (0: in the next turn).
  TimerId RunAfter(int64_t delay_us, Task task);
  // Forgets a timer; an id that has run or is 0 is ignored.
  void CancelTimer(TimerId id);

  // Calls `handler` once at the end of this turn. Idempotence is the
  // handler's business.
  void AtTurnEnd(TurnEndHandler* handler) { turn_end_.push_back(handler); }
  // Takes back every AtTurnEnd of `handler`.
  void ForgetTurnEnd(TurnEndHandler* handler);

  // Runs `task` on the loop's thread. The only way in from another thread.
  void Post(Task task);

  // Runs until Stop(). Tasks posted before Stop() still run.
  void Run();
  void Stop();

  // One turn: waits at most `timeout_us` (-1: for ever) for something to do.
  void RunOnce(int64_t timeout_us);

 private:
  struct PostedTask;

  int64_t NextTimeoutUs(int64_t limit_us) const;
  void RunTimers();
  bool RunPosted();

  const Clock* const clock_;
  // Not initialised: its pages cost nothing until they are used.
  const std::unique_ptr<char[]> scratch_{new char[kScratchBytes]};
  UniqueFd epoll_;
  UniqueFd wake_;
  struct Timer {
    int64_t deadline_us;
    Task task;
  };
  // By id. Most timers are limits that are cancelled long before they are due,
  // so they are only looked through when the earliest time, or one that was the
  // earliest, has come.
  IdMap<Timer> timers_;
  int64_t earliest_us_ = INT64_MAX;
  TimerId next_timer_ = 1;
  std::vector<TurnEndHandler*> turn_end_;
  std::vector<IoHandler*> handlers_;  // by descriptor
  // The batch being worked through, so that Unwatch can void its rest.
  struct Ready {
    int fd;
    uint32_t events;
  };
  std::vector<Ready> ready_;
  std::atomic<PostedTask*> posted_{nullptr};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stop_{false};
};

}  // namespace ramet::core

#endif  // CORE_LOOP_EVENT_LOOP_H_
