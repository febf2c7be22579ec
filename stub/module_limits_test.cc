// Limits of the services of a real module process, with the test in the agent's
// place. probe.v1.Limited: two at a time, three wait, One one at a time.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "stub/module_runtime.h"
#include "tests/probe/fake_agent.h"
#include "tests/probe/probe.pb.h"

namespace ramet::stub {
namespace {

using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::InfoReply;
using ramet::probe::FakeAgent;

constexpr char kProgram[] = "tests/probe/probe_program";
constexpr char kEcho[] = "/probe.v1.Limited/Echo";
constexpr char kEchoStream[] = "/probe.v1.Limited/EchoStream";
constexpr char kOne[] = "/probe.v1.Limited/One";
constexpr char kOther[] = "/probe.v1.Open/Echo";
constexpr char kInfo[] = "/probe.v1.Probe/Info";
constexpr uint32_t kOk = 0;
constexpr uint32_t kCancelled = 1;
constexpr uint32_t kDeadlineExceeded = 4;
constexpr uint32_t kResourceExhausted = 8;
constexpr int64_t kForeverMs = 3'600'000;
constexpr core::ContextId kSibling = 99;

class ModuleLimitsTest : public testing::Test {
 protected:
  ModuleLimitsTest() { agent_.Greet(); }

  static std::string Echo(int64_t wait_ms = 0) {
    EchoRequest request;
    request.set_wait_ms(wait_ms);
    return request.SerializeAsString();
  }
  // Takes both places of the service.
  void Fill() {
    agent_.Call(2000, kEcho, Echo(kForeverMs));
    agent_.Begin(2001, kEchoStream);
  }
  InfoReply Info() {
    InfoReply info;
    EXPECT_TRUE(info.ParseFromString(agent_.CallAndWait(kInfo, "").message));
    return info;
  }
  void ExpectAnswer(core::HandleId handle, uint32_t code) {
    const FakeAgent::Reply reply = agent_.WaitForReply();
    EXPECT_EQ(reply.handle, handle);
    EXPECT_EQ(reply.trailers.code, code) << reply.trailers.message;
  }

  // Methods begin in order; their answers come in any.
  void ExpectAnswers(std::set<core::HandleId> handles) {
    while (!handles.empty()) {
      const FakeAgent::Reply reply = agent_.WaitForReply();
      EXPECT_EQ(reply.trailers.code, kOk) << reply.trailers.message;
      ASSERT_EQ(handles.erase(reply.handle), 1u) << reply.handle;
    }
  }

  FakeAgent agent_{kProgram};
};

TEST_F(ModuleLimitsTest, CallsOfAllKindsWaitInOrderAndOthersGoOn) {
  Fill();
  agent_.Call(2002, kEcho, Echo());
  agent_.Begin(2003, kEchoStream);
  agent_.Message(2003, Echo());
  agent_.End(2003);
  agent_.Call(2004, kEcho, Echo());
  const FakeAgent::Reply refused = agent_.CallAndWait(kEcho, Echo());
  EXPECT_EQ(refused.trailers.code, kResourceExhausted);
  EXPECT_EQ(refused.trailers.message,
            "service probe.v1.Limited serves 2 calls at a time "
            "(max_concurrent_calls), and as many wait as may: 3 "
            "(max_queued_calls); try again when some are over");
  EXPECT_EQ(agent_.CallAndWait(kOther, Echo()).trailers.code, kOk);
  // One place becomes free: they take it one after the other.
  agent_.End(2001);
  ExpectAnswers({2001, 2002, 2003, 2004});
  EXPECT_EQ(Info().limited_peak(), 2);
}

TEST_F(ModuleLimitsTest, QueuedCallEndsAtOnceAndMakesRoom) {
  Fill();
  agent_.Call(2002, kEcho, Echo());
  agent_.Call(2003, kEcho, Echo(), /*timeout_us=*/2000);
  ExpectAnswer(2003, kDeadlineExceeded);
  agent_.Call(2004, kEcho, Echo());
  agent_.Cancel(2004);
  ExpectAnswer(2004, kCancelled);
  agent_.Call(2005, kEcho, Echo());
  agent_.Call(2006, kEcho, Echo());
  EXPECT_EQ(agent_.CallAndWait(kEcho, Echo()).trailers.code,
            kResourceExhausted);
  agent_.Cancel(2000);
  ExpectAnswer(2000, kCancelled);
  ExpectAnswers({2002, 2005, 2006});
}

TEST_F(ModuleLimitsTest, SerialMethodRunsOneAtATimeBesideOthers) {
  agent_.Call(2000, kOne, Echo(kForeverMs));
  agent_.Call(2001, kOne, Echo());
  agent_.Call(2002, kOne, Echo());
  EXPECT_EQ(agent_.CallAndWait(kEcho, Echo()).trailers.code, kOk);
  EXPECT_EQ(agent_.CallAndWait(kOther, Echo()).trailers.code, kOk);
  agent_.Cancel(2000);
  ExpectAnswer(2000, kCancelled);
  ExpectAnswers({2001, 2002});
  EXPECT_EQ(Info().one_peak(), 1);
}

TEST_F(ModuleLimitsTest, CallersThatAreNotAboveHaveAPartOfTheQueue) {
  Fill();
  agent_.Call(2002, kEcho, Echo(), 0, kSibling);
  agent_.Call(2003, kEcho, Echo(), 0, kSibling);
  ExpectAnswer(2003, kResourceExhausted);
  agent_.Call(2004, kEcho, Echo());
  agent_.End(2001);
  ExpectAnswers({2001, 2002, 2004});
}

TEST_F(ModuleLimitsTest, ChainThatWaitsStopsWhenItsFirstCallDoes) {
  Fill();
  core::CallHeaders headers;
  headers.method = kEcho;
  headers.chain_id = 4711;
  for (uint64_t i = 0; i < 3; ++i) {
    headers.chain_index = i;
    agent_.BeginWith(2010 + i, headers);
    agent_.Message(2010 + i, Echo());
    agent_.End(2010 + i);
  }
  // Only the first one of a chain waits for the service.
  agent_.Call(2002, kEcho, Echo());
  agent_.Call(2003, kEcho, Echo());
  EXPECT_EQ(agent_.CallAndWait(kEcho, Echo()).trailers.code,
            kResourceExhausted);
  agent_.Cancel(2010);
  ExpectAnswer(2010, kCancelled);
  ExpectAnswer(2011, kCancelled);
  ExpectAnswer(2012, kCancelled);
  agent_.End(2001);
  ExpectAnswers({2001, 2002, 2003});
  // The next epoch runs.
  headers.chain_epoch = 1;
  headers.chain_index = 0;
  agent_.BeginWith(2020, headers);
  agent_.Message(2020, Echo());
  agent_.End(2020);
  ExpectAnswer(2020, kOk);
}

TEST_F(ModuleLimitsTest, ChainThatFindsTheQueueFullFails) {
  Fill();
  for (core::HandleId handle = 2002; handle < 2005; ++handle) {
    agent_.Call(handle, kEcho, Echo());
  }
  core::CallHeaders headers;
  headers.method = kEcho;
  headers.chain_id = 4711;
  for (uint64_t i = 0; i < 2; ++i) {
    headers.chain_index = i;
    agent_.BeginWith(2010 + i, headers);
    agent_.Message(2010 + i, Echo());
    agent_.End(2010 + i);
    ExpectAnswer(2010 + i, kResourceExhausted);
  }
  agent_.End(2001);
  ExpectAnswers({2001, 2002, 2003, 2004});
}

TEST_F(ModuleLimitsTest, MessagesHaveTheServicesLimit) {
  EchoRequest request;
  request.set_reply_bytes(6 * 1024 * 1024);
  const FakeAgent::Reply reply =
      agent_.CallAndWait(kEcho, request.SerializeAsString());
  EXPECT_EQ(reply.trailers.code, kOk) << reply.trailers.message;
  EXPECT_GT(reply.message.size(), 6u * 1024 * 1024);
  EXPECT_EQ(
      agent_.CallAndWait(kOther, request.SerializeAsString()).trailers.code,
      kResourceExhausted);
  request.set_reply_bytes(8 * 1024 * 1024);
  EXPECT_EQ(
      agent_.CallAndWait(kEcho, request.SerializeAsString()).trailers.message,
      "reply of 8388613 bytes is longer than the limit of 8388608 bytes");
}

TEST_F(ModuleLimitsTest, ThousandsOfCallsKeepTheLimits) {
  // Three wait and one runs at least: four at a time are never too many.
  constexpr int kCalls = 5000;
  int sent = 0;
  int answered = 0;
  while (answered < kCalls) {
    while (sent < kCalls && sent - answered < 4) {
      agent_.Call(3000 + sent, sent % 3 == 0 ? kOne : kEcho, Echo());
      ++sent;
    }
    ASSERT_EQ(agent_.WaitForReply().trailers.code, kOk);
    ++answered;
  }
  const InfoReply info = Info();
  EXPECT_LE(info.limited_peak(), 2);
  EXPECT_EQ(info.one_peak(), 1);
}

}  // namespace
}  // namespace ramet::stub
