#include "stub/channel.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"

namespace ramet::stub {
namespace {

// Answers on a thread of its own, as a real one does.
// For channels that a test makes unary calls on only.
class UnaryChannel : public Channel {
 public:
  std::shared_ptr<RawCall> StartCall(
      std::string method, const CallOptions& options,
      std::shared_ptr<RawCallListener> listener) override {
    listener->OnEnd({absl::UnimplementedError(method), {}});
    return nullptr;
  }
};

class ThreadChannel : public UnaryChannel {
 public:
  ~ThreadChannel() override { thread_.join(); }
  void StartUnary(std::string method, std::string request,
                  const CallOptions& options, DoneCallback done) override {
    thread_ = std::thread([=] { done(method + "|" + request); });
  }

 private:
  std::thread thread_;
};

class ImmediateChannel : public UnaryChannel {
 public:
  void StartUnary(std::string method, std::string request,
                  const CallOptions& options, DoneCallback done) override {
    done(absl::UnavailableError("gone"));
  }
};

TEST(ChannelTest, BlockingCallWaitsForTheChannelsThread) {
  ThreadChannel channel;
  absl::StatusOr<std::string> reply = channel.CallUnary("/a/b", "x", {});
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(*reply, "/a/b|x");
}

TEST(ChannelTest, BlockingCallTakesAnAnswerFromWithinTheStart) {
  ImmediateChannel channel;
  EXPECT_EQ(channel.CallUnary("/a/b", "x", {}).status(),
            absl::UnavailableError("gone"));
}

TEST(CallOptionsTest, TheEarlierLimitCounts) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  CallOptions options;
  EXPECT_EQ(options.Remaining(now), absl::InfiniteDuration());
  options.timeout = absl::Seconds(5);
  EXPECT_EQ(options.Remaining(now), absl::Seconds(5));
  options.deadline = now + absl::Seconds(2);
  EXPECT_EQ(options.Remaining(now), absl::Seconds(2));
  EXPECT_EQ(options.Remaining(now + absl::Seconds(3)), -absl::Seconds(1));
}

}  // namespace
}  // namespace ramet::stub
