#include "server/hosted_services.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "tests/probe/limited_service.h"
#include "tests/probe/open_service.h"
#include "tests/probe/probe.pb.h"
#include "tests/probe/probe_service.h"

namespace ramet::server {
namespace {

using core::ContextId;
using core::FrameHeader;
using core::HandleId;
using core::RawFrame;
using core::RawPeer;

constexpr ContextId kLeft = 7;
constexpr ContextId kRight = 8;
constexpr ContextId kLeftBlock = 100;  // contexts and modules below kLeft
constexpr uint32_t kBlockIds = 20;
constexpr int64_t kMinuteMs = 60'000;

// A master with two children that say what a test tells them to.
class HostedServicesTest : public testing::Test {
 protected:
  HostedServicesTest() {
    left_ = AddChild(kLeft);
    right_ = AddChild(kRight);
    context_.router().RecordGrant(context_.router().LinkTo(kLeft), kLeftBlock,
                                  kBlockIds);
    for (uint32_t i = 0; i < kBlockIds; ++i) {
      FrameHeader header;
      header.src_id = header.auth_id = kLeft;
      header.handle = core::kAddRoute;
      left_->Send(header, core::SerializeControl(
                              core::AddRoute{kLeftBlock + i, "below"}));
    }
    EXPECT_TRUE(hosted_.Add(&context_, std::make_unique<probe::Open>()).ok());
    EXPECT_TRUE(
        hosted_.Add(&context_, std::make_unique<probe::Limited>()).ok());
  }
  ~HostedServicesTest() override {
    hosted_.Stop();
    hosted_.Wait();
    EXPECT_EQ(probe::Open::running(), 0);
  }

  std::unique_ptr<RawPeer> AddChild(ContextId id) {
    core::MemoryNetwork::Pair pair = network_.MakePair();
    context_.router().AddChild(std::move(pair.a), id, "child");
    return std::make_unique<RawPeer>(std::move(pair.b));
  }

  void Send(RawPeer* peer, ContextId src, ContextId auth, HandleId reply_to,
            std::string_view payload) {
    FrameHeader header;
    header.src_id = src;
    header.auth_id = auth;
    header.handle = core::kCallFunction;
    header.reply_to = reply_to;
    peer->Send(header, payload);
    network_.Settle();
  }
  static std::string Call(const std::string& method, int64_t wait_ms = 0,
                          uint64_t timeout_us = 0, uint64_t chain_id = 0,
                          const std::string& service = "Open") {
    std::string payload;
    core::PartWriter writer(
        [&](std::string_view bytes) { payload.append(bytes); });
    core::CallHeaders headers;
    headers.method = "/probe.v1." + service + "/" + method;
    headers.timeout_us = timeout_us;
    headers.chain_id = chain_id;
    writer.AddHeaders(core::SerializeControl(headers));
    ::probe::v1::EchoRequest request;
    request.set_wait_ms(wait_ms);
    writer.AddMessage(request.SerializeAsString());
    writer.AddEnd();
    writer.Flush();
    return payload;
  }
  // Methods run on other threads: until their answer is there.
  RawFrame NextFrame(RawPeer* peer) {
    std::vector<RawFrame>& frames = taken_[peer];
    if (frames.empty()) frames = peer->TakeFrames();
    while (frames.empty()) {
      loop_.RunOnce(-1);
      network_.Settle();
      frames = peer->TakeFrames();
    }
    RawFrame frame = std::move(frames.front());
    frames.erase(frames.begin());
    return frame;
  }
  static uint32_t CodeOf(const RawFrame& frame) {
    core::Dead dead;
    core::CallTrailers trailers;
    if (frame.header.dead()) {
      EXPECT_TRUE(core::ParseControl(frame.payload, &dead));
      return dead.code;
    }
    core::PartReader reader(frame.payload);
    core::Part part;
    while (reader.Next(&part)) {
      if (part.kind != core::PartKind::kTrailers) continue;
      EXPECT_TRUE(core::ParseControl(part.bytes, &trailers));
      return trailers.code;
    }
    ADD_FAILURE() << "no end: " << frame.header.ToString();
    return 0;
  }

  core::EventLoop loop_;
  core::MemoryNetwork network_{&loop_};
  core::Context context_{&loop_};
  HostedServices hosted_{[this](std::function<void()> task) {
    loop_.Post(std::move(task));
    return true;
  }};
  std::unique_ptr<RawPeer> left_;
  std::unique_ptr<RawPeer> right_;
  std::map<RawPeer*, std::vector<RawFrame>> taken_;
};

TEST_F(HostedServicesTest, AnswersInTheMastersName) {
  Send(left_.get(), kLeftBlock, kLeftBlock + 1, 1000, Call("Echo"));
  const RawFrame answer = NextFrame(left_.get());
  EXPECT_EQ(answer.header.dst_id, kLeftBlock);
  EXPECT_EQ(answer.header.src_id, core::kMasterId);
  EXPECT_EQ(answer.header.auth_id, core::kMasterId);
  EXPECT_EQ(answer.header.handle, 1000u);
  EXPECT_EQ(CodeOf(answer), 0u);
  // The handle is free as soon as the answer is there.
  Send(left_.get(), kLeftBlock, kLeftBlock + 1, 1000, Call("Echo"));
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 0u);
}

TEST_F(HostedServicesTest, WhatIsNotForAnybodyIsForNobody) {
  for (ContextId authority : {kLeft, kLeftBlock}) {
    for (const char* method : {"Above", "Own"}) {
      Send(left_.get(), kLeft, authority, 1000, Call(method));
      EXPECT_EQ(CodeOf(NextFrame(left_.get())), 7u) << method;
    }
  }
  Send(left_.get(), kLeft, kLeft, 1000, Call("NoSuchMethod"));
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 12u);
}

TEST_F(HostedServicesTest, OneContextAndOneSubtreeHaveSoManyCalls) {
  const std::string waits = Call("Echo", kMinuteMs);
  HandleId handle = 1000;
  const auto fill = [&](ContextId id) {
    for (size_t i = 0; i < HostedServices::kMaxCallsOfContext; ++i) {
      Send(left_.get(), id, id, handle++, waits);
    }
  };
  fill(kLeft);
  EXPECT_TRUE(left_->frames().empty());
  Send(left_.get(), kLeft, kLeft, 9999, waits);
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 8u);
  fill(kLeftBlock);
  fill(kLeftBlock + 1);
  fill(kLeftBlock + 2);
  EXPECT_TRUE(left_->frames().empty());
  Send(left_.get(), kLeftBlock + 3, kLeftBlock + 3, 9999, waits);
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 8u) << "the subtree is full";
  Send(right_.get(), kRight, kRight, 1000, Call("Echo"));
  EXPECT_EQ(CodeOf(NextFrame(right_.get())), 0u) << "another's is not";
  // Each end makes room for one.
  Send(left_.get(), kLeft, kLeft, 1000, core::CancelPayload());
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 1u);
  uint32_t code = 8;
  while (code == 8) {  // until the method has noticed
    Send(left_.get(), kLeft, kLeft, 9999, Call("Echo"));
    code = CodeOf(NextFrame(left_.get()));
  }
  EXPECT_EQ(code, 0u);
}

TEST_F(HostedServicesTest, KeepsTheLimitsOfAService) {
  const auto call = [&](HandleId handle, int64_t wait_ms,
                        uint64_t timeout_us = 0) {
    Send(left_.get(), kLeft, kLeft, handle,
         Call("Echo", wait_ms, timeout_us, 0, "Limited"));
  };
  const auto expect = [&](HandleId handle, uint32_t code) {
    const RawFrame frame = NextFrame(left_.get());
    EXPECT_EQ(frame.header.handle, handle);
    EXPECT_EQ(CodeOf(frame), code);
  };
  call(1000, kMinuteMs);
  call(1001, kMinuteMs);
  call(1002, 0);
  call(1003, 0, /*timeout_us=*/1000);
  call(1004, 0);
  call(1005, 0);
  expect(1005, 8);
  // One that waits ends at its deadline, and makes room.
  expect(1003, 4);
  call(1006, 0);
  call(1007, 0);
  expect(1007, 8);
  Send(right_.get(), kRight, kRight, 1000, Call("Echo"));
  EXPECT_EQ(CodeOf(NextFrame(right_.get())), 0u) << "of another service";
  Send(left_.get(), kLeft, kLeft, 1006, core::CancelPayload());
  expect(1006, 1);
  Send(left_.get(), kLeft, kLeft, 1000, core::CancelPayload());
  expect(1000, 1);
  expect(1002, 0);
  expect(1004, 0);
  Send(left_.get(), kLeft, kLeft, 1001, core::CancelPayload());
  expect(1001, 1);
}

TEST_F(HostedServicesTest, OptionsComeInPlaceOfTheProtos) {
  stub::ServiceOptions options;
  options.methods["Nope"] = stub::Concurrency::kSerial;
  EXPECT_TRUE(absl::IsAlreadyExists(
      hosted_.Add(&context_, std::make_unique<probe::Limited>(), options)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      hosted_.Add(&context_, std::make_unique<probe::Probe>(), options)));
  options.methods.clear();
  options.max_concurrent_calls = 1;
  options.max_queued_calls = 0;
  ASSERT_TRUE(
      hosted_.Add(&context_, std::make_unique<probe::Probe>(), options).ok());
  // Methods for PARENTS are the master's own.
  Send(left_.get(), kLeft, kLeft, 1000, Call("Info", 0, 0, 0, "Probe"));
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 0u);
}

TEST_F(HostedServicesTest, ADeadlineThatPassesEndsACall) {
  Send(left_.get(), kLeft, kLeft, 1000, Call("Echo", kMinuteMs, 1000));
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 4u);
}

TEST_F(HostedServicesTest, ACallOfAChainIsNotRunOutOfOrder) {
  Send(left_.get(), kLeft, kLeft, 1001, Call("Echo", 0, 0, /*chain_id=*/4711));
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 12u);
  Send(left_.get(), kLeft, kLeft, 1002, Call("Echo"));
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 0u);
}

TEST_F(HostedServicesTest, NobodyEndsTheCallOfAnother) {
  Send(left_.get(), kLeftBlock, kLeftBlock, 1000, Call("Echo", kMinuteMs));
  Send(left_.get(), kLeftBlock, kLeft, 1000, core::CancelPayload());
  Send(left_.get(), kLeft, kLeftBlock, 1000, core::CancelPayload());
  Send(right_.get(), kLeftBlock, kLeftBlock, 1000, core::CancelPayload());
  Send(right_.get(), kRight, kRight, 1000, core::CancelPayload());
  EXPECT_TRUE(left_->frames().empty());
  Send(left_.get(), kLeftBlock, kLeftBlock, 1000, core::CancelPayload());
  EXPECT_EQ(CodeOf(NextFrame(left_.get())), 1u);
}

TEST_F(HostedServicesTest, ALostCallerEndsItsCalls) {
  const int64_t before = probe::Open::cancelled();
  Send(left_.get(), kLeft, kLeft, 1000, Call("Echo", kMinuteMs));
  Send(left_.get(), kLeftBlock, kLeftBlock, 1001, Call("Echo", kMinuteMs));
  left_->Close();
  network_.Settle();
  hosted_.Wait();
  EXPECT_EQ(probe::Open::cancelled(), before + 2);
}

}  // namespace
}  // namespace ramet::server
