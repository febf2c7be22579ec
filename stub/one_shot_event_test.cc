#include "stub/one_shot_event.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace ramet::stub {
namespace {

TEST(OneShotEventTest, IsNotSetAtFirst) {
  OneShotEvent event;
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.WaitFor(0));
}

TEST(OneShotEventTest, WaitReturnsAtOnceWhenItHappened) {
  OneShotEvent event;
  event.Set();
  event.Set();
  event.Wait();
  EXPECT_TRUE(event.WaitFor(0));
}

TEST(OneShotEventTest, WaitForGivesUpAfterItsTime) {
  OneShotEvent event;
  EXPECT_FALSE(event.WaitFor(1'000));
  event.Set();
  EXPECT_TRUE(event.WaitFor(1'000));
}

TEST(OneShotEventTest, WakesEveryWaiter) {
  OneShotEvent event;
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&event, i] {
      if (i % 2 == 0) {
        event.Wait();
      } else {
        EXPECT_TRUE(event.WaitFor(3600ll * 1'000'000));
      }
    });
  }
  event.Set();
  for (std::thread& waiter : waiters) waiter.join();
}

TEST(OneShotEventTest, WaiterMayDestroyItAtOnce) {
  for (int i = 0; i < 1000; ++i) {
    auto event = std::make_unique<OneShotEvent>();
    std::thread setter([&event] { event->Set(); });
    event->Wait();
    setter.join();
  }
}

}  // namespace
}  // namespace ramet::stub
