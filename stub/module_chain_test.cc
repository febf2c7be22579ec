// Chains of a real module process, with the test in the agent's place.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stub/module_runtime.h"
#include "tests/probe/fake_agent.h"
#include "tests/probe/probe.pb.h"

namespace ramet::stub {
namespace {

using ::probe::v1::EchoRequest;
using ::probe::v1::InfoReply;
using ramet::probe::FakeAgent;

constexpr char kProgram[] = "tests/probe/probe_program";
constexpr char kEcho[] = "/probe.v1.Probe/Echo";
constexpr char kInfo[] = "/probe.v1.Probe/Info";
constexpr char kSum[] = "/probe.v1.Probe/Sum";
constexpr uint32_t kOk = 0;
constexpr uint32_t kCancelled = 1;
constexpr uint32_t kInvalidArgument = 3;
constexpr uint32_t kDeadlineExceeded = 4;
constexpr uint32_t kResourceExhausted = 8;
constexpr uint32_t kAborted = 10;
constexpr uint32_t kDataLoss = 15;
constexpr int64_t kForeverMs = 3'600'000;

EchoRequest Wait(int64_t wait_ms) {
  EchoRequest request;
  request.set_wait_ms(wait_ms);
  return request;
}

EchoRequest Fail(uint32_t code) {
  EchoRequest request;
  request.set_error_code(code);
  request.set_error_bytes(3);
  return request;
}

class ModuleChainTest : public testing::Test {
 protected:
  ModuleChainTest() { agent_.Greet(); }

  struct Place {
    uint64_t index = 0;
    uint32_t epoch = 0;
    uint64_t known_ok = 0;
    uint64_t id = 4711;
  };
  void Begin(core::HandleId handle, Place place, uint64_t timeout_us = 0,
             const char* method = kEcho) {
    core::CallHeaders headers;
    headers.method = method;
    headers.timeout_us = timeout_us;
    headers.chain_id = place.id;
    headers.chain_epoch = place.epoch;
    headers.chain_index = place.index;
    headers.chain_known_ok = place.known_ok;
    agent_.BeginWith(handle, headers);
  }
  void Call(core::HandleId handle, Place place, const EchoRequest& request = {},
            uint64_t timeout_us = 0) {
    Begin(handle, place, timeout_us);
    agent_.Message(handle, request.SerializeAsString());
    agent_.End(handle);
  }
  void ExpectReply(core::HandleId handle, uint32_t code,
                   const std::string& text = "") {
    const FakeAgent::Reply reply = agent_.WaitForReply();
    EXPECT_EQ(reply.handle, handle);
    EXPECT_EQ(reply.trailers.code, code) << reply.trailers.message;
    if (!text.empty()) {
      EXPECT_EQ(reply.trailers.message, text);
    }
  }
  // Of all methods, Info included.
  int64_t MethodsRun() {
    InfoReply info;
    EXPECT_TRUE(info.ParseFromString(agent_.CallAndWait(kInfo, "").message));
    return info.calls();
  }

  FakeAgent agent_{kProgram};
};

TEST_F(ModuleChainTest, CallsRunInTheOrderInWhichTheyBegan) {
  for (uint64_t i = 0; i < 200; ++i) {
    Call(2000 + i, {i}, Wait(i % 50 == 0 ? 2 : 0));
  }
  for (uint64_t i = 0; i < 200; ++i) ExpectReply(2000 + i, kOk);
}

TEST_F(ModuleChainTest, CallThatIsWholeWaitsForOneThatIsNot) {
  Begin(2000, {0});
  Call(2001, {1});
  Call(3000, {0, 0, 0, /*id=*/1});
  // Other chains don't wait.
  ExpectReply(3000, kOk);
  agent_.Message(2000, "");
  agent_.End(2000);
  ExpectReply(2000, kOk);
  ExpectReply(2001, kOk);
}

TEST_F(ModuleChainTest, FirstFailureEndsThoseBehindItWithoutRunningThem) {
  Call(2000, {0}, Wait(5));
  Call(2001, {1}, Fail(kDataLoss));
  for (uint64_t i = 2; i < 10; ++i) Call(2000 + i, {i});
  ExpectReply(2000, kOk);
  for (uint64_t i = 1; i < 10; ++i) ExpectReply(2000 + i, kDataLoss, "eee");
  // Those that were under way then, too.
  Call(2010, {10, 0, 1});
  ExpectReply(2010, kDataLoss, "eee");
  EXPECT_EQ(MethodsRun(), 3);
}

TEST_F(ModuleChainTest, RequestThatIsRefusedIsAFailure) {
  Begin(2000, {0});
  agent_.Message(2000, "a");
  Call(2001, {1});
  agent_.Message(2000, "b");
  ExpectReply(2000, kInvalidArgument);
  ExpectReply(2001, kInvalidArgument);
}

TEST_F(ModuleChainTest, ReplyAboveTheLimitIsAFailure) {
  EchoRequest large;
  large.set_reply_bytes(5 * 1024 * 1024);
  Call(2000, {0}, large);
  Call(2001, {1});
  ExpectReply(2000, kResourceExhausted);
  ExpectReply(2001, kResourceExhausted);
}

TEST_F(ModuleChainTest, ResetRunsAgainBehindWhatCameBefore) {
  Call(2000, {0}, Wait(5));
  Call(2001, {1}, Fail(kDataLoss));
  Call(2002, {2});
  Call(2003, {0, /*epoch=*/1});
  Call(2004, {1, 1});
  ExpectReply(2000, kOk);
  ExpectReply(2001, kDataLoss);
  ExpectReply(2002, kDataLoss);
  ExpectReply(2003, kOk);
  ExpectReply(2004, kOk);
  // An epoch that is over does not come back.
  Call(2005, {3, 0});
  ExpectReply(2005, kAborted);
}

TEST_F(ModuleChainTest, CallWhoseForerunnersAreNotKnownIsAborted) {
  // As after a restart of the module: 0 may have failed in the one before.
  Call(2000, {1, 0, /*known_ok=*/0});
  ExpectReply(2000, kAborted);
  Call(2001, {2, 0, 0});
  ExpectReply(2001, kAborted);
  // The caller knows that they succeeded.
  Call(2002, {5, 0, 5, /*id=*/2});
  ExpectReply(2002, kOk);
  // One is missing: it was refused on the way.
  Call(2003, {7, 0, 5, 2});
  ExpectReply(2003, kAborted);
  Call(2004, {8, 0, 5, 2});
  ExpectReply(2004, kAborted);
}

TEST_F(ModuleChainTest, ChainsOfOtherCallersAreOthers) {
  Call(2000, {0}, Fail(kDataLoss));
  ExpectReply(2000, kDataLoss);
  core::CallHeaders headers;
  headers.method = kEcho;
  headers.chain_id = 4711;
  agent_.BeginWith(2001, headers, /*caller_id=*/99);
  core::FrameHeader frame;
  frame.dst_id = FakeAgent::kModuleId;
  frame.src_id = frame.auth_id = 99;
  frame.handle = core::kCallFunction;
  frame.reply_to = 2001;
  core::PartWriter parts(
      [&](std::string_view payload) { agent_.SendFrame(frame, payload); });
  parts.AddMessage("");
  parts.AddEnd();
  parts.Flush();
  ExpectReply(2001, kOk);
}

TEST_F(ModuleChainTest, CancelOfTheRunningOneEndsThoseBehindIt) {
  Call(2000, {0}, Wait(kForeverMs));
  Call(2001, {1});
  Call(2002, {0, /*epoch=*/1});
  agent_.Cancel(2000);
  ExpectReply(2000, kCancelled);
  ExpectReply(2001, kCancelled);
  ExpectReply(2002, kOk);
}

TEST_F(ModuleChainTest, CancelOfAWaitingOneLetsThoseBeforeItRun) {
  Begin(2000, {0});
  Call(2001, {1});
  Call(2002, {2});
  Call(2003, {3});
  agent_.Cancel(2002);
  ExpectReply(2002, kCancelled);
  ExpectReply(2003, kCancelled);
  agent_.Message(2000, "");
  agent_.End(2000);
  ExpectReply(2000, kOk);
  ExpectReply(2001, kOk);
}

TEST_F(ModuleChainTest, DeadlineOfOneThatIsNotWholeFreesTheChain) {
  Begin(2000, {0}, /*timeout_us=*/5'000);
  Call(2001, {1});
  Call(2002, {0, /*epoch=*/1});
  ExpectReply(2000, kDeadlineExceeded);
  ExpectReply(2001, kDeadlineExceeded);
  // By the thread that saw the deadline.
  ExpectReply(2002, kOk);
}

TEST_F(ModuleChainTest, CancelledChainsThatWaitForAThreadLeave) {
  for (core::HandleId i = 0; i < 4; ++i) {
    agent_.Call(9000 + i, kEcho, Wait(kForeverMs).SerializeAsString());
  }
  // All threads are busy: nobody takes these. One chain for each.
  for (uint64_t i = 0; i < 5000; ++i) {
    Call(10'000 + i, {0, 0, 0, /*id=*/100'000 + i});
    agent_.Cancel(10'000 + i);
    ExpectReply(10'000 + i, kCancelled);
  }
  for (core::HandleId i = 0; i < 4; ++i) agent_.Cancel(9000 + i);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(agent_.WaitForReply().trailers.code, kCancelled);
  }
  Call(2000, {0});
  ExpectReply(2000, kOk);
}

TEST_F(ModuleChainTest, ChainsAreOfUnaryCalls) {
  Begin(2000, {0}, 0, kSum);
  ExpectReply(2000, kInvalidArgument);
}

TEST_F(ModuleChainTest, ManyChainsRunSideBySide) {
  constexpr int kChains = 50;
  constexpr int kCalls = 20;
  for (uint64_t i = 0; i < kCalls; ++i) {
    for (uint64_t chain = 0; chain < kChains; ++chain) {
      EchoRequest request;
      if (i == chain % kCalls) request = Fail(kDataLoss);
      Call(10'000 + chain * 100 + i, {i, 0, 0, chain + 1}, request);
    }
  }
  std::vector<uint64_t> next(kChains);
  for (int n = 0; n < kChains * kCalls; ++n) {
    const FakeAgent::Reply reply = agent_.WaitForReply();
    const uint64_t chain = (reply.handle - 10'000) / 100;
    const uint64_t i = (reply.handle - 10'000) % 100;
    EXPECT_EQ(next[chain]++, i);
    EXPECT_EQ(reply.trailers.code, i < chain % kCalls ? kOk : kDataLoss);
  }
}

}  // namespace
}  // namespace ramet::stub
