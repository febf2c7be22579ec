#include "core/loop/event_loop.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace ramet::core {
namespace {

// Readiness reports taken per epoll_wait; more are taken in the next turn.
constexpr int kMaxEventsPerTurn = 64;

}  // namespace

// A node of the mailbox: a lock-free stack that the loop takes whole and
// reverses, because the agent has no std::mutex to link.
struct EventLoop::PostedTask {
  Task task;
  PostedTask* next;
};

EventLoop::EventLoop(const Clock* clock)
    : clock_(clock),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  RAMET_CHECK(epoll_.valid());
  RAMET_CHECK(wake_.valid());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_.get();
  RAMET_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
}

EventLoop::~EventLoop() {
  PostedTask* node = posted_.exchange(nullptr);
  while (node != nullptr) {
    PostedTask* next = node->next;
    delete node;
    node = next;
  }
}

void EventLoop::TrimScratch() {
  // The kernel's: madvise() rounds the end up to them. At most 64 KiB on the
  // platforms, so there are some within.
  const uintptr_t page_bytes = getauxval(AT_PAGESZ);
  const uintptr_t begin = reinterpret_cast<uintptr_t>(scratch_.get());
  const uintptr_t first = (begin + page_bytes - 1) & ~(page_bytes - 1);
  const uintptr_t last = (begin + kScratchBytes) & ~(page_bytes - 1);
  madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

void EventLoop::Watch(int fd, uint32_t events, IoHandler* handler) {
  RAMET_CHECK(fd >= 0);
  if (handlers_.size() <= static_cast<size_t>(fd)) handlers_.resize(fd + 1);
  RAMET_CHECK(handlers_[fd] == nullptr);
  handlers_[fd] = handler;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  RAMET_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void EventLoop::Modify(int fd, uint32_t events, IoHandler* handler) {
  handlers_[fd] = handler;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  RAMET_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void EventLoop::Unwatch(int fd) {
  RAMET_CHECK(fd >= 0 && static_cast<size_t>(fd) < handlers_.size());
  if (handlers_[fd] == nullptr) return;
  handlers_[fd] = nullptr;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (Ready& ready : ready_) {
    if (ready.fd == fd) ready.fd = -1;
  }
}

EventLoop::TimerId EventLoop::RunAfter(int64_t delay_us, Task task) {
  const TimerId id = next_timer_++;
  const int64_t deadline = NowUs() + std::max<int64_t>(delay_us, 0);
  timers_.Insert(id,
                 std::unique_ptr<Timer>(new Timer{deadline, std::move(task)}));
  earliest_us_ = std::min(earliest_us_, deadline);
  return id;
}

void EventLoop::CancelTimer(TimerId id) { timers_.Remove(id); }

void EventLoop::ForgetTurnEnd(TurnEndHandler* handler) {
  std::replace(turn_end_.begin(), turn_end_.end(), handler,
               static_cast<TurnEndHandler*>(nullptr));
}

void EventLoop::Post(Task task) {
  auto* node = new PostedTask{std::move(task), posted_.load()};
  while (!posted_.compare_exchange_weak(node->next, node)) {
  }
  if (asleep_.exchange(false)) {
    const uint64_t one = 1;
    // A full counter wakes the loop just as well.
    (void)!write(wake_.get(), &one, sizeof one);
  }
}

void EventLoop::Run() {
  while (!stop_.load()) RunOnce(-1);
  RunPosted();
  stop_.store(false);
}

void EventLoop::Stop() {
  Post([this] { stop_.store(true); });
}

int64_t EventLoop::NextTimeoutUs(int64_t limit_us) const {
  if (timers_.size() == 0) return limit_us;
  const int64_t wait = std::max<int64_t>(earliest_us_ - NowUs(), 0);
  return limit_us < 0 ? wait : std::min(wait, limit_us);
}

void EventLoop::RunTimers() {
  if (timers_.size() == 0) return;
  const int64_t now = NowUs();
  if (earliest_us_ > now) return;
  // Timers that a task adds for "now" wait for the next turn.
  const TimerId limit = next_timer_;
  // The earlier first; those of the same time in the order they were made in.
  for (;;) {
    earliest_us_ = INT64_MAX;
    TimerId due = 0;
    int64_t due_us = now;
    for (size_t i = 0; i < timers_.size(); ++i) {
      const int64_t deadline = timers_.at(i)->deadline_us;
      const TimerId id = timers_.key_at(i);
      earliest_us_ = std::min(earliest_us_, deadline);
      if (id < limit && (deadline < due_us || (deadline == due_us && !due))) {
        due = id;
        due_us = deadline;
      }
    }
    if (due == 0) return;
    timers_.Remove(due)->task();
  }
}

bool EventLoop::RunPosted() {
  PostedTask* node = posted_.exchange(nullptr);
  if (node == nullptr) return false;
  PostedTask* in_order = nullptr;
  while (node != nullptr) {
    PostedTask* next = node->next;
    node->next = in_order;
    in_order = node;
    node = next;
  }
  while (in_order != nullptr) {
    PostedTask* next = in_order->next;
    in_order->task();
    delete in_order;
    in_order = next;
  }
  return true;
}

void EventLoop::RunOnce(int64_t timeout_us) {
  int64_t wait_us = NextTimeoutUs(timeout_us);
  asleep_.store(true);
  if (posted_.load() != nullptr) wait_us = 0;
  epoll_event events[kMaxEventsPerTurn];
  // Rounded up: a timer is never early, and a wait never spins.
  const int wait_ms = wait_us < 0 ? -1
                                  : static_cast<int>(std::min<int64_t>(
                                        (wait_us + 999) / 1000, 1 << 30));
  const int count =
      epoll_wait(epoll_.get(), events, kMaxEventsPerTurn, wait_ms);
  asleep_.store(false);
  RAMET_CHECK(count >= 0 || errno == EINTR);

  ready_.clear();
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd == wake_.get()) {
      uint64_t counter;
      (void)!read(wake_.get(), &counter, sizeof counter);
    } else {
      ready_.push_back({events[i].data.fd, events[i].events});
    }
  }
  // By index: a handler may unwatch, which voids entries, never adds any.
  for (size_t i = 0; i < ready_.size(); ++i) {
    const Ready ready = ready_[i];
    if (ready.fd < 0 || handlers_[ready.fd] == nullptr) continue;
    handlers_[ready.fd]->OnReady(ready.events);
  }
  ready_.clear();
  RunTimers();
  RunPosted();
  for (size_t i = 0; i < turn_end_.size(); ++i) {
    if (turn_end_[i] != nullptr) turn_end_[i]->OnTurnEnd();
  }
  turn_end_.clear();
}

}  // namespace ramet::core
