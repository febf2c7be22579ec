#include "core/loop/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/testing/fake_clock.h"

namespace ramet::core {
namespace {

struct SocketPair {
  SocketPair() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    near.Reset(ends[0]);
    far.Reset(ends[1]);
  }
  UniqueFd near;
  UniqueFd far;
};

class Handler final : public IoHandler {
 public:
  explicit Handler(std::function<void(uint32_t)> run) : run_(std::move(run)) {}
  void OnReady(uint32_t events) override { run_(events); }

 private:
  const std::function<void(uint32_t)> run_;
};

class TurnEnd final : public TurnEndHandler {
 public:
  explicit TurnEnd(std::function<void()> run) : run_(std::move(run)) {}
  void OnTurnEnd() override { run_(); }

 private:
  const std::function<void()> run_;
};

class EventLoopTest : public testing::Test {
 protected:
  // A task that leaves a trace.
  EventLoop::Task Note(const std::string& what) {
    return [this, what] { log_.push_back(what); };
  }

  FakeClock clock_;
  EventLoop loop_{&clock_};
  std::vector<std::string> log_;
};

using Log = std::vector<std::string>;

TEST_F(EventLoopTest, RunsTimersInTheOrderOfTheirTimes) {
  loop_.RunAfter(3000, Note("3"));
  loop_.RunAfter(1000, Note("1"));
  loop_.RunAfter(2000, Note("2"));
  clock_.Advance(5000);
  loop_.RunOnce(0);
  EXPECT_EQ(log_, (Log{"1", "2", "3"}));
}

TEST_F(EventLoopTest, RunsTimersOfOneTimeInTheOrderInWhichTheyWereAsked) {
  for (int i = 0; i < 20; ++i) loop_.RunAfter(1000, Note(std::to_string(i)));
  clock_.Advance(1000);
  loop_.RunOnce(0);
  Log expected;
  for (int i = 0; i < 20; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(log_, expected);
}

TEST_F(EventLoopTest, RunsNoTimerEarlyAndNoneTwice) {
  loop_.RunAfter(1000, Note("x"));
  clock_.Advance(999);
  loop_.RunOnce(0);
  EXPECT_EQ(log_, Log{});
  clock_.Advance(1);
  loop_.RunOnce(0);
  loop_.RunOnce(0);
  EXPECT_EQ(log_, Log{"x"});
}

TEST_F(EventLoopTest, RunsManyTimersInOrder) {
  std::vector<int64_t> times;
  uint32_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    state = state * 1664525 + 1013904223;
    const int64_t delay = state >> 16;
    const auto id =
        loop_.RunAfter(delay, [&times, delay] { times.push_back(delay); });
    if (i % 3 == 0) loop_.CancelTimer(id);
  }
  for (int i = 0; i < 70; ++i) {
    clock_.Advance(1000);
    loop_.RunOnce(0);
  }
  EXPECT_EQ(times.size(), 1333u);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
}

TEST_F(EventLoopTest, ACancelledTimerNeverRuns) {
  const auto a = loop_.RunAfter(1000, Note("a"));
  loop_.RunAfter(1000, Note("b"));
  loop_.CancelTimer(a);
  clock_.Advance(1000);
  loop_.RunOnce(0);
  EXPECT_EQ(log_, Log{"b"});
}

TEST_F(EventLoopTest, ATimerMayCancelOneThatIsDueInTheSameTurn) {
  EventLoop::TimerId second = 0;
  loop_.RunAfter(1000, [&] { loop_.CancelTimer(second); });
  second = loop_.RunAfter(1000, Note("second"));
  clock_.Advance(1000);
  loop_.RunOnce(0);
  EXPECT_EQ(log_, Log{});
}

TEST_F(EventLoopTest, CancellingWhatIsNoTimerDoesNothing) {
  EventLoop::TimerId own = 0;
  own = loop_.RunAfter(0, [&] { loop_.CancelTimer(own); });
  loop_.RunOnce(0);
  loop_.CancelTimer(own);
  loop_.CancelTimer(0);
  loop_.CancelTimer(12345);
  loop_.RunAfter(0, Note("still works"));
  loop_.RunOnce(0);
  EXPECT_EQ(log_, Log{"still works"});
}

TEST_F(EventLoopTest, ATimerThatIsAskedForNowWaitsForTheNextTurn) {
  loop_.RunAfter(0, [this] {
    log_.push_back("outer");
    loop_.RunAfter(0, Note("inner"));
    loop_.RunAfter(-5, Note("past"));
  });
  loop_.RunOnce(0);
  EXPECT_EQ(log_, Log{"outer"});
  loop_.RunOnce(0);
  EXPECT_EQ(log_.size(), 3u);
}

TEST_F(EventLoopTest, ACancelledTimersTaskIsDestroyed) {
  auto held = std::make_shared<int>(1);
  const auto id = loop_.RunAfter(1000, [held] {});
  EXPECT_EQ(held.use_count(), 2);
  loop_.CancelTimer(id);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(EventLoopTest, ReportsDescriptorsThatAreReady) {
  SocketPair pair;
  uint32_t seen = 0;
  Handler handler([&](uint32_t events) { seen |= events; });
  loop_.Watch(pair.near.get(), EPOLLIN, &handler);
  loop_.RunOnce(0);
  EXPECT_EQ(seen, 0u);
  ASSERT_EQ(write(pair.far.get(), "x", 1), 1);
  loop_.RunOnce(0);
  EXPECT_EQ(seen, static_cast<uint32_t>(EPOLLIN));
  loop_.Modify(pair.near.get(), EPOLLOUT, &handler);
  seen = 0;
  loop_.RunOnce(0);
  EXPECT_EQ(seen, static_cast<uint32_t>(EPOLLOUT));
  loop_.Unwatch(pair.near.get());
  seen = 0;
  loop_.RunOnce(0);
  EXPECT_EQ(seen, 0u);
}

TEST_F(EventLoopTest, UnwatchVoidsEventsThatAreDue) {
  SocketPair first;
  SocketPair second;
  int calls = 0;
  // Whichever comes first takes the other one away.
  Handler handler([&](uint32_t) {
    ++calls;
    loop_.Unwatch(first.near.get());
    loop_.Unwatch(second.near.get());
  });
  loop_.Watch(first.near.get(), EPOLLIN, &handler);
  loop_.Watch(second.near.get(), EPOLLIN, &handler);
  ASSERT_EQ(write(first.far.get(), "x", 1), 1);
  ASSERT_EQ(write(second.far.get(), "x", 1), 1);
  loop_.RunOnce(0);
  loop_.RunOnce(0);
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, AnEventThatIsDueIsNotForTheDescriptorsNextUser) {
  SocketPair first;
  SocketPair second;
  int stale = 0;
  Handler next([&](uint32_t) { ++stale; });
  std::vector<UniqueFd> far;
  bool done = false;
  Handler handler([&](uint32_t) {
    if (std::exchange(done, true)) return;
    for (SocketPair* pair : {&first, &second}) {
      const int fd = pair->near.get();
      loop_.Unwatch(fd);
      // The number is used again at once, by something that is not ready.
      SocketPair fresh;
      ASSERT_EQ(dup2(fresh.near.get(), fd), fd);
      loop_.Watch(fd, EPOLLIN, &next);
      far.push_back(std::move(fresh.far));
    }
  });
  loop_.Watch(first.near.get(), EPOLLIN, &handler);
  loop_.Watch(second.near.get(), EPOLLIN, &handler);
  ASSERT_EQ(write(first.far.get(), "x", 1), 1);
  ASSERT_EQ(write(second.far.get(), "x", 1), 1);
  loop_.RunOnce(0);
  loop_.RunOnce(0);
  EXPECT_EQ(stale, 0);
  loop_.Unwatch(first.near.get());
  loop_.Unwatch(second.near.get());
}

TEST_F(EventLoopTest, UnwatchingTwiceIsHarmless) {
  SocketPair pair;
  Handler handler([](uint32_t) {});
  loop_.Watch(pair.near.get(), EPOLLIN, &handler);
  loop_.Unwatch(pair.near.get());
  loop_.Unwatch(pair.near.get());
}

TEST_F(EventLoopTest, TheTurnEndsAfterEventsTimersAndTasks) {
  SocketPair pair;
  char byte;
  TurnEnd end(Note("end"));
  Handler handler([&](uint32_t) {
    (void)!read(pair.near.get(), &byte, 1);
    log_.push_back("event");
    loop_.AtTurnEnd(&end);
  });
  loop_.Watch(pair.near.get(), EPOLLIN, &handler);
  ASSERT_EQ(write(pair.far.get(), "x", 1), 1);
  loop_.RunAfter(0, Note("timer"));
  loop_.Post(Note("task"));
  loop_.RunOnce(0);
  ASSERT_EQ(log_.size(), 4u);
  EXPECT_EQ(log_[3], "end");
  loop_.RunOnce(0);
  EXPECT_EQ(log_.size(), 4u) << "a turn's end is told once";
  loop_.Unwatch(pair.near.get());
}

TEST_F(EventLoopTest, AForgottenTurnEndIsNotTold) {
  TurnEnd forgotten(Note("forgotten"));
  TurnEnd kept(Note("kept"));
  loop_.AtTurnEnd(&forgotten);
  loop_.AtTurnEnd(&kept);
  loop_.ForgetTurnEnd(&forgotten);
  loop_.RunOnce(0);
  EXPECT_EQ(log_, Log{"kept"});
}

TEST_F(EventLoopTest, ATurnsEndMayForgetAnotherAndAskForMore) {
  TurnEnd last(Note("last"));
  TurnEnd forgotten(Note("forgotten"));
  TurnEnd first([&] {
    loop_.ForgetTurnEnd(&forgotten);
    loop_.AtTurnEnd(&last);
  });
  loop_.AtTurnEnd(&first);
  loop_.AtTurnEnd(&forgotten);
  loop_.RunOnce(0);
  loop_.RunOnce(0);
  EXPECT_EQ(log_, Log{"last"});
}

TEST_F(EventLoopTest, RunsPostedTasksInOrder) {
  for (int i = 0; i < 5; ++i) loop_.Post(Note(std::to_string(i)));
  loop_.RunOnce(0);
  EXPECT_EQ(log_, (Log{"0", "1", "2", "3", "4"}));
}

TEST_F(EventLoopTest, ATaskMayPostAnother) {
  loop_.Post([this] { loop_.Post(Note("inner")); });
  loop_.RunOnce(0);
  loop_.RunOnce(-1);  // does not sleep on it
  EXPECT_EQ(log_, Log{"inner"});
}

TEST_F(EventLoopTest, RunsWhatWasPostedBeforeStop) {
  loop_.Post(Note("before"));
  loop_.Stop();
  loop_.Run();
  EXPECT_EQ(log_, Log{"before"});
}

TEST_F(EventLoopTest, CanRunAgainAfterStop) {
  loop_.Stop();
  loop_.Run();
  loop_.Post(Note("again"));
  loop_.Stop();
  loop_.Run();
  EXPECT_EQ(log_, Log{"again"});
}

TEST_F(EventLoopTest, DestroysTasksThatNeverRan) {
  auto held = std::make_shared<int>(1);
  {
    EventLoop loop(&clock_);
    loop.Post([held] {});
    loop.RunAfter(1000, [held] {});
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(EventLoopThreadsTest, TasksOfManyThreadsAllRunEachThreadsInOrder) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 5000;
  EventLoop loop;
  std::vector<std::vector<int>> seen(kThreads);
  int left = kThreads * kTasks;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) {
        loop.Post([&, t, i] {
          seen[t].push_back(i);
          if (--left == 0) loop.Stop();
        });
      }
    });
  }
  loop.Run();
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int>& order : seen) {
    ASSERT_EQ(order.size(), static_cast<size_t>(kTasks));
    for (int i = 0; i < kTasks; ++i) ASSERT_EQ(order[i], i);
  }
}

// A lost wake-up would leave both threads waiting for one another.
TEST(EventLoopThreadsTest, PostWakesALoopThatSleeps) {
  EventLoop ping;
  EventLoop pong;
  constexpr int kRounds = 3000;
  std::function<void(int)> serve = [&](int round) {
    pong.Post([&, round] {
      if (round == kRounds) {
        pong.Stop();
        ping.Stop();
        return;
      }
      ping.Post([&, round] { serve(round + 1); });
    });
  };
  std::thread thread([&] { pong.Run(); });
  serve(0);
  ping.Run();
  thread.join();
}

TEST(EventLoopThreadsTest, StopsFromAnotherThread) {
  for (int i = 0; i < 200; ++i) {
    EventLoop loop;
    std::thread thread([&] { loop.Stop(); });
    loop.Run();
    thread.join();
  }
}

}  // namespace
}  // namespace ramet::core
