#include "stub/select.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "stub/loopback_channel.h"
#include "tests/probe/probe.ramet.h"
#include "tests/probe/probe_service.h"

namespace ramet::stub {
namespace {

using ::probe::v1::CountReply;
using ::probe::v1::CountRequest;
using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::ProbeStub;

class SelectTest : public testing::Test {
 protected:
  using Call = PendingCall<EchoReply>;

  void MakeCalls(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      results_.push_back(std::make_shared<PendingResult>());
      calls_.emplace_back(results_.back(), "/a/b");
      EXPECT_EQ(select_.Add(calls_.back()), i);
    }
  }
  static CountRequest CountOf(int64_t count, int64_t reply_bytes = 0) {
    CountRequest request;
    request.set_count(count);
    request.set_reply_bytes(reply_bytes);
    return request;
  }

  ProbeStub stub_{
      LoopbackChannel::ContextFor(std::make_unique<ramet::probe::Probe>())};
  std::vector<std::shared_ptr<PendingResult>> results_;
  std::vector<Call> calls_;
  Select select_;
};

TEST_F(SelectTest, GivesCallsInTheOrderInWhichTheyEnd) {
  MakeCalls(3);
  EXPECT_EQ(select_.Wait(absl::ZeroDuration()), std::nullopt);
  EXPECT_FALSE(select_.empty());
  results_[2]->Set(std::string());
  results_[0]->Set(absl::InternalError("x"));
  EXPECT_EQ(select_.Wait(), 2u);
  EXPECT_TRUE(calls_[2].Done());
  EXPECT_TRUE(calls_[2].Wait().ok());
  EXPECT_EQ(select_.Wait(), 0u);
  EXPECT_EQ(calls_[0].Wait().status(), absl::InternalError("x"));
  results_[1]->Set(std::string());
  EXPECT_EQ(select_.Wait(), 1u);
  EXPECT_TRUE(select_.empty());
  EXPECT_EQ(select_.Wait(), std::nullopt);
}

TEST_F(SelectTest, CallThatIsOverIsReadyAtOnce) {
  EchoRequest request;
  request.set_payload("p");
  const auto call = stub_.StartEcho(request);
  select_.Add(call);
  EXPECT_EQ(select_.Wait(), 0u);
}

TEST_F(SelectTest, WakesForCallsThatEndOnOtherThreads) {
  constexpr size_t kCalls = 2000;
  MakeCalls(kCalls);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (size_t i = t; i < kCalls; i += 4) results_[i]->Set(std::string());
    });
  }
  std::vector<int> seen(kCalls);
  while (const auto ready = select_.Wait()) {
    ++seen[*ready];
    EXPECT_TRUE(calls_[*ready].Wait().ok());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen, std::vector<int>(kCalls, 1));
}

TEST_F(SelectTest, ReadsSeveralStreamsAsTheyCome) {
  std::vector<ClientReader<CountReply>> readers;
  for (int i = 0; i < 5; ++i) {
    readers.push_back(stub_.Count(CountOf(200 * i, 5000)));
    select_.Add(readers.back());
  }
  std::vector<int64_t> counts(5);
  std::vector<int> ends(5);
  while (const auto ready = select_.Wait()) {
    CountReply reply;
    if (readers[*ready].Read(&reply)) {
      EXPECT_EQ(reply.index(), counts[*ready]++);
    } else {
      ++ends[*ready];
      EXPECT_TRUE(readers[*ready].Finish().ok());
    }
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(counts[i], 200 * i);
    EXPECT_EQ(ends[i], 1);
  }
}

TEST_F(SelectTest, BusyStreamKeepsNoCallWaiting) {
  auto busy = stub_.Count(CountOf(-1));
  select_.Add(busy);
  CountReply reply;
  ASSERT_EQ(select_.Wait(), 0u);
  ASSERT_TRUE(busy.Read(&reply));
  const auto result = std::make_shared<PendingResult>();
  const Call call(result, "/a/b");
  select_.Add(call);
  result->Set(std::string());
  int reads = 0;
  while (select_.Wait() == 0u) {
    ASSERT_TRUE(busy.Read(&reply));
    ASSERT_LT(++reads, 3);
  }
}

TEST_F(SelectTest, StreamIsReadyUntilItIsRead) {
  auto stream = stub_.EchoStream();
  select_.Add(stream);
  EXPECT_EQ(select_.Wait(absl::ZeroDuration()), std::nullopt);
  ASSERT_TRUE(stream.Write(EchoRequest()));
  EXPECT_EQ(select_.Wait(), 0u);
  EXPECT_EQ(select_.Wait(), 0u);
  EchoReply reply;
  ASSERT_TRUE(stream.Read(&reply));
  EXPECT_EQ(select_.Wait(absl::ZeroDuration()), std::nullopt);
  stream.WritesDone();
  EXPECT_EQ(select_.Wait(), 0u);
  EXPECT_FALSE(stream.Read(&reply));
  EXPECT_TRUE(select_.empty());
}

TEST_F(SelectTest, DroppedStreamIsWaitedForNoLonger) {
  auto stream = std::make_unique<ClientReader<CountReply>>(
      stub_.Count(CountOf(-1, 1000)));
  select_.Add(*stream);
  EXPECT_EQ(select_.Wait(), 0u);
  stream.reset();
  // The channel may have it for a moment; it has ended then.
  while (select_.Wait().has_value()) {
  }
  EXPECT_TRUE(select_.empty());
}

}  // namespace
}  // namespace ramet::stub
