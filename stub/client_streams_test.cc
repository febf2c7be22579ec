// Typed calls of all kinds to the probe service, over a loopback channel.
#include "stub/client_streams.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "core/wire/call_parts.h"
#include "stub/loopback_channel.h"
#include "stub/stream_call.h"
#include "tests/probe/probe.ramet.h"
#include "tests/probe/probe_service.h"

namespace ramet::stub {
namespace {

using absl::StatusCode;
using ::probe::v1::CountReply;
using ::probe::v1::CountRequest;
using ::probe::v1::EchoMetadataRequest;
using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::ProbeStub;
using ::probe::v1::SinkRequest;
using ::probe::v1::SumReply;
using ::probe::v1::SumRequest;

class ClientStreamsTest : public testing::Test {
 protected:
  static CountRequest CountOf(int64_t count, int64_t reply_bytes = 0) {
    CountRequest request;
    request.set_count(count);
    request.set_reply_bytes(reply_bytes);
    return request;
  }
  // Methods end a moment after their calls.
  void WaitForCancelledStreams(int64_t count) {
    for (;;) {
      auto info = stub_.Info({});
      ASSERT_TRUE(info.ok());
      ASSERT_LE(info->cancelled_streams(), count);
      if (info->open_streams() == 0 && info->cancelled_streams() == count) {
        return;
      }
    }
  }

  ProbeStub stub_{
      LoopbackChannel::ContextFor(std::make_unique<ramet::probe::Probe>())};
};

TEST_F(ClientStreamsTest, ReaderReadsAllAndThenTheStatus) {
  CountRequest request = CountOf(1000);
  request.set_error_code(15);
  auto reader = stub_.Count(request);
  CountReply reply;
  int64_t count = 0;
  while (reader.Read(&reply)) EXPECT_EQ(reply.index(), count++);
  EXPECT_EQ(count, 1000);
  EXPECT_EQ(reader.Finish(), absl::DataLossError("as you asked"));
}

TEST_F(ClientStreamsTest, FinishDropsWhatWasNotRead) {
  // More than the window holds, so that the method waits for its reader.
  auto reader = stub_.Count(CountOf(100, 10'000));
  CountReply reply;
  ASSERT_TRUE(reader.Read(&reply));
  EXPECT_TRUE(reader.Finish().ok());
  WaitForCancelledStreams(0);
}

TEST_F(ClientStreamsTest, WriterGetsOneReply) {
  auto writer = stub_.Sum();
  SumRequest request;
  for (int i = 1; i <= 100; ++i) {
    request.set_number(i);
    ASSERT_TRUE(writer.Write(request));
  }
  auto reply = writer.Finish();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->sum(), 5050);
}

TEST_F(ClientStreamsTest, WriteWaitsForAReceiverThatStopped) {
  CallOptions options;
  options.timeout = absl::Milliseconds(50);
  auto writer = stub_.Sink(options);
  SinkRequest request;
  request.set_read_count(1);
  request.set_payload(std::string(50'000, 'p'));
  int written = 0;
  while (writer.Write(request)) ++written;
  EXPECT_LE(written, 8);
  EXPECT_EQ(writer.Finish().status().code(), StatusCode::kDeadlineExceeded);
}

TEST_F(ClientStreamsTest, BothDirectionsAtOnceFromTwoThreads) {
  auto stream = stub_.EchoStream();
  constexpr int kMessages = 200;
  std::thread writer([&] {
    EchoRequest request;
    for (int i = 0; i < kMessages; ++i) {
      request.set_payload(std::string(10'000, static_cast<char>(i)));
      EXPECT_TRUE(stream.Write(request));
    }
    stream.WritesDone();
  });
  EchoReply reply;
  int read = 0;
  while (stream.Read(&reply)) {
    EXPECT_EQ(reply.payload(), std::string(10'000, static_cast<char>(read)));
    ++read;
  }
  writer.join();
  EXPECT_EQ(read, kMessages);
  EXPECT_TRUE(stream.Finish().ok());
}

TEST_F(ClientStreamsTest, DroppingAStreamCancelsIt) {
  {
    auto reader = stub_.Count(CountOf(-1, 1000));
    CountReply reply;
    ASSERT_TRUE(reader.Read(&reply));
    auto moved = std::move(reader);
    ASSERT_TRUE(moved.Read(&reply));
    EXPECT_EQ(reply.index(), 1);
  }
  WaitForCancelledStreams(1);
}

TEST_F(ClientStreamsTest, CancelWakesAReader) {
  auto stream = stub_.EchoStream();
  EchoReply reply;
  ASSERT_TRUE(stream.Write(EchoRequest()));
  ASSERT_TRUE(stream.Read(&reply));
  std::thread reader([&] { EXPECT_FALSE(stream.Read(&reply)); });
  stream.Cancel();
  reader.join();
  EXPECT_EQ(stream.Finish().code(), StatusCode::kCancelled);
  WaitForCancelledStreams(1);
}

TEST_F(ClientStreamsTest, RepliesAboveTheCallersLimitEndTheCall) {
  CallOptions options;
  options.max_reply_bytes = 1000;
  auto reader = stub_.Count(CountOf(10, 2000), options);
  CountReply reply;
  EXPECT_FALSE(reader.Read(&reply));
  EXPECT_EQ(reader.Finish().code(), StatusCode::kResourceExhausted);

  EchoRequest echo;
  echo.set_reply_bytes(2000);
  EXPECT_EQ(stub_.Echo(echo, options).status().code(),
            StatusCode::kResourceExhausted);
}

TEST_F(ClientStreamsTest, RequestsAboveTheCallersLimitAreNotSent) {
  CallOptions options;
  options.max_request_bytes = 1000;
  EchoRequest request;
  request.set_payload(std::string(2000, 'x'));
  EXPECT_EQ(stub_.Echo(request, options).status().code(),
            StatusCode::kResourceExhausted);
  auto stream = stub_.EchoStream(options);
  EXPECT_FALSE(stream.Write(request));
  EXPECT_EQ(stream.Finish().code(), StatusCode::kResourceExhausted);
}

TEST_F(ClientStreamsTest, UnaryCallsHaveMetadataBothWays) {
  const std::string bytes("\0\xff", 2);
  CallOptions options;
  options.metadata = {{"x-a", "1"}, {"x-b-bin", bytes}};
  options.reply_metadata = std::make_shared<ReplyMetadata>();
  auto reply = stub_.EchoMetadata(EchoMetadataRequest(), options);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->pairs_size(), 2);
  EXPECT_EQ(options.reply_metadata->initial, options.metadata);
  EXPECT_EQ(options.reply_metadata->trailing, options.metadata);

  EchoMetadataRequest failing;
  failing.set_error_code(15);
  options.reply_metadata = std::make_shared<ReplyMetadata>();
  auto pending = stub_.StartEchoMetadata(failing, options);
  EXPECT_EQ(pending.Wait().status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(options.reply_metadata->trailing, options.metadata);
}

TEST_F(ClientStreamsTest, BadMetadataIsRefusedBeforeTheCall) {
  CallOptions options;
  options.metadata = {{"Upper", "1"}};
  EXPECT_EQ(stub_.Info({}, options).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(stub_.Sum(options).Finish().status().code(),
            StatusCode::kInvalidArgument);
  options.metadata = {{"text", "\xff"}};
  EXPECT_EQ(stub_.Count(CountOf(1), options).Finish().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(ClientStreamsTest, StubWithoutAContextFailsEveryKind) {
  ProbeStub stub{Context()};
  SumRequest request;
  auto writer = stub.Sum();
  EXPECT_FALSE(writer.Write(request));
  EXPECT_EQ(writer.Finish().status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(stub.Count(CountOf(1)).Finish().code(),
            StatusCode::kFailedPrecondition);
}

// Hears a call out, and may hold replies against the callee.
class Listener : public StreamListener<CountReply> {
 public:
  explicit Listener(bool hold = false) : hold_(hold) {}

  void OnReply(CountReply reply, MessageCredit credit) override {
    std::lock_guard<std::mutex> lock(mutex_);
    ++replies_;
    bytes_ += reply.payload().size();
    if (hold_) held_.push_back(std::move(credit));
    if (bytes_ >= core::kInitialWindowBytes && !full_set_) {
      full_set_ = true;
      full_.set_value();
    }
  }
  void OnEnd(CallEnd end) override { end_.set_value(std::move(end)); }

  void LetGo() {
    std::vector<MessageCredit> held;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      hold_ = false;
      held.swap(held_);
    }
  }
  int replies() {
    std::lock_guard<std::mutex> lock(mutex_);
    return replies_;
  }
  void WaitUntilFull() { full_.get_future().wait(); }
  CallEnd WaitForEnd() { return end_.get_future().get(); }

 private:
  std::mutex mutex_;
  bool hold_;
  std::vector<MessageCredit> held_;
  int replies_ = 0;
  size_t bytes_ = 0;
  bool full_set_ = false;
  std::promise<void> full_;
  std::promise<CallEnd> end_;
};

TEST_F(ClientStreamsTest, AsyncCallHearsEverything) {
  auto listener = std::make_shared<Listener>();
  stub_.StartCount(CountOf(500, 10'000), listener);
  EXPECT_TRUE(listener->WaitForEnd().status.ok());
  EXPECT_EQ(listener->replies(), 500);
}

TEST_F(ClientStreamsTest, RepliesThatAreHeldStopTheCallee) {
  auto listener = std::make_shared<Listener>(/*hold=*/true);
  stub_.StartCount(CountOf(500, 10'000), listener);
  listener->WaitUntilFull();
  EXPECT_LE(listener->replies(), 28);
  listener->LetGo();
  EXPECT_TRUE(listener->WaitForEnd().status.ok());
  EXPECT_EQ(listener->replies(), 500);
}

TEST_F(ClientStreamsTest, AsyncCallIsCancelled) {
  auto listener = std::make_shared<Listener>(/*hold=*/true);
  auto call = stub_.StartCount(CountOf(-1, 10'000), listener);
  listener->WaitUntilFull();
  call.Cancel();
  EXPECT_EQ(listener->WaitForEnd().status.code(), StatusCode::kCancelled);
  WaitForCancelledStreams(1);
}

class SumListener : public StreamListener<SumReply> {
 public:
  void OnReply(SumReply reply, MessageCredit) override { sum = reply.sum(); }
  void OnSendRoom() override {
    std::lock_guard<std::mutex> lock(mutex);
    ++rooms;
    changed.notify_all();
  }
  void OnEnd(CallEnd end) override { ended.set_value(std::move(end)); }

  int64_t sum = 0;
  std::mutex mutex;
  std::condition_variable changed;
  int rooms = 0;
  std::promise<CallEnd> ended;
};

TEST_F(ClientStreamsTest, AsyncSenderIsToldWhenThereIsRoom) {
  auto listener = std::make_shared<SumListener>();
  auto call = stub_.StartSum(listener);
  SumRequest request;
  request.set_number(1);
  request.set_payload(std::string(30'000, 'p'));
  for (int i = 0; i < 100; ++i) {
    int rooms;
    {
      std::lock_guard<std::mutex> lock(listener->mutex);
      rooms = listener->rooms;
    }
    if (!call.HasSendRoom()) {
      std::unique_lock<std::mutex> lock(listener->mutex);
      listener->changed.wait(lock, [&] { return listener->rooms > rooms; });
    }
    EXPECT_TRUE(call.Send(request).ok());
  }
  call.CloseSend();
  EXPECT_TRUE(listener->ended.get_future().get().status.ok());
  EXPECT_EQ(listener->sum, 100);
}

}  // namespace
}  // namespace ramet::stub
