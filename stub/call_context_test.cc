#include "stub/call_context.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

namespace ramet::stub {
namespace {

TEST(CallContextTest, TakesMetadataUntilItIsTaken) {
  const CallContext context;
  EXPECT_TRUE(context.AddInitialMetadata("a", "1"));
  EXPECT_TRUE(context.AddInitialMetadata("a", "2"));
  EXPECT_TRUE(context.AddTrailingMetadata("b-bin", std::string("\0", 1)));
  EXPECT_EQ(context.TakeInitialMetadata(),
            (MetadataPairs{{"a", "1"}, {"a", "2"}}));
  EXPECT_FALSE(context.AddInitialMetadata("a", "3"));
  EXPECT_TRUE(context.AddTrailingMetadata("c", "4"));
  EXPECT_EQ(context.TakeTrailingMetadata().size(), 2u);
}

TEST(CallContextTest, RefusesWhatIsNoMetadata) {
  const CallContext context;
  EXPECT_FALSE(context.AddInitialMetadata("", "x"));
  EXPECT_FALSE(context.AddInitialMetadata("Upper", "x"));
  EXPECT_FALSE(context.AddInitialMetadata("grpc-status", "0"));
  EXPECT_FALSE(context.AddInitialMetadata(":path", "/"));
  EXPECT_FALSE(context.AddInitialMetadata("text", "\n"));
  EXPECT_TRUE(context.AddInitialMetadata("text-bin", "\n"));
  EXPECT_FALSE(
      context.AddTrailingMetadata("long", std::string(kMaxMetadataBytes, 'x')));
  EXPECT_TRUE(context.AddTrailingMetadata(
      "long", std::string(kMaxMetadataBytes - 4, 'x')));
  EXPECT_FALSE(context.AddTrailingMetadata("x", ""));
}

TEST(CancelCallbackTest, RunsWhenTheCallIsCancelledAndOnlyWhileItLives) {
  CallContext context;
  int early = 0;
  int runs = 0;
  {
    CancelCallback gone(context, [&] { ++early; });
  }
  CancelCallback callback(context, [&] { ++runs; });
  EXPECT_EQ(runs, 0);
  context.Cancel();
  EXPECT_EQ(runs, 1);
  context.Cancel();
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(early, 0);
}

TEST(CancelCallbackTest, RunsAtOnceWhenItIsLate) {
  CallContext context;
  context.Cancel();
  int runs = 0;
  CancelCallback callback(context, [&] { ++runs; });
  EXPECT_EQ(runs, 1);
}

TEST(CancelCallbackTest, DestructorWaitsForAFunctionThatRuns) {
  CallContext context;
  std::promise<void> running;
  std::promise<void> go_on;
  bool ended = false;
  auto callback = std::make_unique<CancelCallback>(context, [&] {
    running.set_value();
    go_on.get_future().wait();
    ended = true;
  });
  std::thread canceller([&] { context.Cancel(); });
  running.get_future().wait();
  std::thread releaser([&] { go_on.set_value(); });
  callback.reset();
  EXPECT_TRUE(ended);
  canceller.join();
  releaser.join();
}

}  // namespace
}  // namespace ramet::stub
