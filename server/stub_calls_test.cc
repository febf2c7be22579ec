// Typed calls of every form through a master to real contexts and modules.
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "server/master.h"
#include "stub/call_chain.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::server {
namespace {

using absl::StatusCode;
using ::probe::v1::CountReply;
using ::probe::v1::CountRequest;
using ::probe::v1::CrashRequest;
using ::probe::v1::EchoMetadataRequest;
using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::ProbeStub;
using ::probe::v1::SinkRequest;
using ::probe::v1::SumRequest;

// Two hops, so that every frame is routed.
class StubCallsTest : public testing::Test {
 protected:
  StubCallsTest() {
    auto master = Master::Create(MasterOptions());
    EXPECT_TRUE(master.ok()) << master.status();
    master_ = *std::move(master);
    EXPECT_TRUE(master_->LoadModuleFile("tests/probe/probe.rmod").ok());
    auto context = master_->Open("local:/local:");
    EXPECT_TRUE(context.ok()) << context.status();
    stub_ = std::make_unique<ProbeStub>(*context);
  }

  void WaitForCancelledStreams(int64_t count) {
    for (;;) {
      auto info = stub_->Info({});
      ASSERT_TRUE(info.ok()) << info.status();
      ASSERT_LE(info->cancelled_streams(), count);
      if (info->open_streams() == 0 && info->cancelled_streams() == count) {
        return;
      }
    }
  }

  std::unique_ptr<Master> master_;
  std::unique_ptr<ProbeStub> stub_;
};

TEST_F(StubCallsTest, ServerStreamOfManyWindows) {
  CountRequest request;
  request.set_count(3000);
  request.set_reply_bytes(10'000);
  request.set_error_code(15);
  auto reader = stub_->Count(request);
  CountReply reply;
  int64_t count = 0;
  while (reader.Read(&reply)) {
    ASSERT_EQ(reply.index(), count++);
    ASSERT_EQ(reply.payload().size(), 10'000u);
  }
  EXPECT_EQ(count, 3000);
  EXPECT_EQ(reader.Finish().code(), StatusCode::kDataLoss);
}

TEST_F(StubCallsTest, ClientStreamOfManyWindows) {
  auto writer = stub_->Sum();
  SumRequest request;
  request.set_payload(std::string(10'000, 'p'));
  for (int i = 0; i < 3000; ++i) {
    request.set_number(i);
    ASSERT_TRUE(writer.Write(request));
  }
  auto reply = writer.Finish();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->sum(), 3000 * 2999 / 2);
  EXPECT_EQ(reply->payload_bytes(), 30'000'000);
}

TEST_F(StubCallsTest, BidiStreamWithLargeMessages) {
  auto stream = stub_->EchoStream();
  for (int i = 0; i < 5; ++i) {
    EchoRequest request;
    request.set_payload(std::string(3'000'000, static_cast<char>('a' + i)));
    ASSERT_TRUE(stream.Write(request));
    EchoReply reply;
    ASSERT_TRUE(stream.Read(&reply));
    ASSERT_EQ(reply.payload(), request.payload());
  }
  stream.WritesDone();
  EchoReply reply;
  EXPECT_FALSE(stream.Read(&reply));
  EXPECT_TRUE(stream.Finish().ok());
}

TEST_F(StubCallsTest, DroppedStreamReachesTheMethod) {
  {
    CountRequest request;
    request.set_count(-1);
    auto reader = stub_->Count(request);
    CountReply reply;
    ASSERT_TRUE(reader.Read(&reply));
  }
  WaitForCancelledStreams(1);
}

TEST_F(StubCallsTest, DeadlineEndsAStreamOnBothSides) {
  ASSERT_TRUE(stub_->Info({}).ok());
  stub::CallOptions options;
  options.timeout = absl::Milliseconds(50);
  auto writer = stub_->Sink(options);
  SinkRequest request;
  request.set_read_count(1);
  request.set_payload(std::string(50'000, 'p'));
  while (writer.Write(request)) {
  }
  EXPECT_EQ(writer.Finish().status().code(), StatusCode::kDeadlineExceeded);
  WaitForCancelledStreams(1);
}

TEST_F(StubCallsTest, MetadataGoesBothWays) {
  const std::string bytes("\0\xff\n", 3);
  stub::CallOptions options;
  options.metadata = {{"x-a", "1"}, {"x-b-bin", bytes}};
  options.reply_metadata = std::make_shared<stub::ReplyMetadata>();
  auto reply = stub_->EchoMetadata(EchoMetadataRequest(), options);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(options.reply_metadata->initial, options.metadata);
  EXPECT_EQ(options.reply_metadata->trailing, options.metadata);
}

TEST_F(StubCallsTest, ChainIsSentAtOnceAndStopsAtItsFirstFailure) {
  stub::CallChain chain;
  // The context is connected for the first; its request is the longest.
  std::vector<stub::PendingCall<EchoReply>> calls;
  for (int i = 0; i < 100; ++i) {
    EchoRequest request;
    request.set_payload(std::string(i == 0 ? 1'000'000 : 10, 'x'));
    if (i == 50) request.set_error_code(15);
    calls.push_back(stub_->StartEcho(request, chain.Options()));
  }
  for (int i = 0; i < 100; ++i) {
    const absl::Status status = calls[i].Wait().status();
    EXPECT_EQ(status.code(), i < 50 ? StatusCode::kOk : StatusCode::kDataLoss)
        << i << ": " << status;
  }
  EXPECT_EQ(stub_->Info({})->calls(), 52);
  chain.Reset();
  EXPECT_TRUE(stub_->Echo({}, chain.Options()).ok());
}

TEST_F(StubCallsTest, LongCallsOfAChainDoNotOvertakeShortOnes) {
  ASSERT_TRUE(stub_->Info({}).ok());
  for (int round = 0; round < 10; ++round) {
    stub::CallChain chain;
    std::vector<stub::PendingCall<EchoReply>> calls;
    for (int i = 0; i < 100; ++i) {
      EchoRequest request;
      request.set_payload(std::string(i % 5 == 4 ? 200'000 : 10, 'x'));
      calls.push_back(stub_->StartEcho(request, chain.Options()));
    }
    for (auto& call : calls) {
      const absl::Status status = call.Wait().status();
      ASSERT_TRUE(status.ok()) << status;
    }
  }
}

TEST_F(StubCallsTest, ChainDoesNotGoOnInANewModule) {
  stub::CallChain chain;
  ASSERT_TRUE(stub_->Echo({}, chain.Options()).ok());
  CrashRequest crash;
  crash.set_signal(SIGKILL);
  auto crashed = stub_->StartCrash(crash, chain.Options());
  std::vector<stub::PendingCall<EchoReply>> calls;
  for (int i = 0; i < 50; ++i) {
    calls.push_back(stub_->StartEcho({}, chain.Options()));
  }
  EXPECT_EQ(crashed.Wait().status().code(), StatusCode::kUnavailable);
  for (auto& call : calls) {
    EXPECT_EQ(call.Wait().status().code(), StatusCode::kUnavailable);
  }
  auto info = stub_->Info({});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->calls(), 1);
  chain.Reset();
  EXPECT_TRUE(stub_->Echo({}, chain.Options()).ok());
}

}  // namespace
}  // namespace ramet::server
