#include "stub/deadline_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstdint>
#include <vector>

#include "absl/time/clock.h"

namespace ramet::stub {
namespace {

bool WaitReadable(int fd, int timeout_ms) {
  pollfd readable = {fd, POLLIN, 0};
  return poll(&readable, 1, timeout_ms) == 1;
}

TEST(DeadlineQueueTest, GivesTheOnesThatPassedInTheirOrder) {
  DeadlineQueue queue;
  const absl::Time now = absl::Now();
  queue.Add(now + absl::Seconds(3), 3);
  queue.Add(now + absl::Seconds(1), 1);
  queue.Add(now + absl::Seconds(2), 2);
  queue.Add(absl::InfiniteFuture(), 4);
  queue.Remove(now + absl::Seconds(2), 2);
  uint64_t key = 0;
  EXPECT_FALSE(queue.TakePassed(now, &key));
  ASSERT_TRUE(queue.TakePassed(now + absl::Seconds(5), &key));
  EXPECT_EQ(key, 1u);
  ASSERT_TRUE(queue.TakePassed(now + absl::Seconds(5), &key));
  EXPECT_EQ(key, 3u);
  EXPECT_FALSE(queue.TakePassed(now + absl::Seconds(5), &key));
}

TEST(DeadlineQueueTest, TimerTellsWhenToLook) {
  DeadlineQueue queue;
  EXPECT_FALSE(WaitReadable(queue.fd(), 0));
  const absl::Time deadline = absl::Now() + absl::Milliseconds(5);
  queue.Add(absl::Now() + absl::Hours(5), 1);
  queue.Add(deadline, 2);
  ASSERT_TRUE(WaitReadable(queue.fd(), 10'000));
  uint64_t key = 0;
  ASSERT_TRUE(queue.TakePassed(absl::Now(), &key));
  EXPECT_EQ(key, 2u);
  // Looking until there is none sets it for the next, hours away.
  EXPECT_FALSE(queue.TakePassed(absl::Now(), &key));
  EXPECT_FALSE(WaitReadable(queue.fd(), 0));
}

TEST(DeadlineQueueTest, CallsThatAreOverLeaveNoTimerBehind) {
  DeadlineQueue queue;
  const absl::Time deadline = absl::Now() + absl::Milliseconds(1);
  queue.Add(deadline, 1);
  queue.Remove(deadline, 1);
  // It fires once, for nothing.
  ASSERT_TRUE(WaitReadable(queue.fd(), 10'000));
  uint64_t key = 0;
  EXPECT_FALSE(queue.TakePassed(absl::Now(), &key));
  EXPECT_FALSE(WaitReadable(queue.fd(), 0));
  // And it is set for what comes.
  queue.Add(absl::Now(), 2);
  EXPECT_TRUE(WaitReadable(queue.fd(), 10'000));
}

}  // namespace
}  // namespace ramet::stub
