#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/master.h"
#include "tests/probe/open_service.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::server {
namespace {

using ::probe::v1::CallOutReply;
using ::probe::v1::CallOutRequest;
using ::probe::v1::ProbeStub;

// Nothing in here waits for this long unless it hangs.
constexpr absl::Duration kHangs = absl::Seconds(60);

int Number(absl::StatusCode code) { return static_cast<int>(code); }

// A master that hosts probe.v1.Open; contexts are real processes, and each has
// the probe module.
class CallsFromModulesTest : public testing::Test {
 protected:
  CallsFromModulesTest() { Create(false); }

  void Create(bool unidirectional) {
    master_.reset();
    MasterOptions options;
    options.unidirectional = unidirectional;
    auto master = Master::Create(std::move(options));
    EXPECT_TRUE(master.ok()) << master.status();
    master_ = *std::move(master);
    EXPECT_TRUE(master_->LoadModuleFile("tests/probe/probe.rmod").ok());
    EXPECT_TRUE(master_->AddService(std::make_unique<probe::Open>()).ok());
  }

  // With its module running.
  ProbeStub Probe(const std::string& target) {
    auto context = master_->Connect(target);
    EXPECT_TRUE(context.ok()) << context.status();
    ProbeStub stub(context.ok() ? *context : stub::Context());
    EXPECT_TRUE(stub.Info({}).ok());
    return stub;
  }
  uint32_t IdOf(const std::string& name) {
    for (const ContextInfo& info : master_->List()) {
      if (info.name == name) return info.id;
    }
    ADD_FAILURE() << "no context " << name;
    return 0;
  }
  static CallOutRequest To(CallOutRequest::Target target,
                           CallOutRequest::Method method) {
    CallOutRequest request;
    request.set_target(target);
    request.set_method(method);
    request.mutable_echo()->set_payload("hello");
    request.set_count(3);
    return request;
  }
  CallOutRequest ToName(const std::string& name,
                        CallOutRequest::Method method) {
    CallOutRequest request = To(CallOutRequest::BY_ID, method);
    request.set_id(IdOf(name));
    return request;
  }
  static CallOutReply CallOut(const ProbeStub& probe,
                              const CallOutRequest& request) {
    stub::CallOptions options;
    options.timeout = kHangs;
    const auto reply = probe.CallOut(request, options);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? *reply : CallOutReply();
  }
  // All kinds of calls to a target, and that their answers are right.
  static void ExpectServed(const ProbeStub& from, CallOutRequest request) {
    request.set_method(CallOutRequest::ECHO);
    CallOutReply reply = CallOut(from, request);
    EXPECT_EQ(reply.code(), 0) << reply.message();
    EXPECT_EQ(reply.payload(), "hello");
    for (auto method : {CallOutRequest::STREAM, CallOutRequest::COUNT}) {
      request.set_method(method);
      reply = CallOut(from, request);
      EXPECT_EQ(reply.code(), 0) << reply.message();
      EXPECT_EQ(reply.count(), 3);
    }
    request.set_method(CallOutRequest::SUM);
    reply = CallOut(from, request);
    EXPECT_EQ(reply.code(), 0) << reply.message();
    EXPECT_EQ(reply.count(), 15);
  }
  static void ExpectRefused(const ProbeStub& from,
                            const CallOutRequest& request,
                            absl::StatusCode code) {
    const CallOutReply reply = CallOut(from, request);
    EXPECT_EQ(reply.code(), Number(code)) << reply.message();
  }
  // Until hosted methods have noticed; they have no other way to say so.
  static bool WaitUntilIdle() {
    const absl::Time end = absl::Now() + kHangs;
    while (probe::Open::running() > 0 && absl::Now() < end) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    return probe::Open::running() == 0;
  }
  static void WaitUntilRunning(int64_t count) {
    const absl::Time end = absl::Now() + kHangs;
    while (probe::Open::running() < count && absl::Now() < end) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    ASSERT_EQ(probe::Open::running(), count);
  }

  // Until a method of Open runs in the module behind `probe`.
  static void WaitUntilServing(const ProbeStub& probe) {
    const absl::Time end = absl::Now() + kHangs;
    while (absl::Now() < end) {
      stub::CallOptions options;
      options.deadline = end;
      const auto info = probe.Info({}, options);
      ASSERT_TRUE(info.ok()) << info.status();
      if (info->open_running() > 0) return;
    }
    FAIL() << "the call has not arrived";
  }

  std::unique_ptr<Master> master_;
};

TEST_F(CallsFromModulesTest, AModuleCallsTheMastersService) {
  for (const char* target : {"local:", "local:/local:"}) {
    SCOPED_TRACE(target);
    ExpectServed(Probe(target), To(CallOutRequest::MASTER, {}));
  }
}

TEST_F(CallsFromModulesTest, AModuleCallsItsContextsParentAndItsSibling) {
  Probe("local:");
  Probe("local:/local:b");
  const ProbeStub probe = Probe("local:/local:a");
  ExpectServed(probe, To(CallOutRequest::PARENT, {}));
  ExpectServed(probe, To(CallOutRequest::OWN, {}));
  ExpectServed(probe, To(CallOutRequest::CALLER, {}));
  ExpectServed(probe, ToName("local:/local:b", {}));
  ExpectServed(Probe("local:"), ToName("local:/local:a", {}));
}

TEST_F(CallsFromModulesTest, ItCallsInItsContextsNameOnItsOwnAuthority) {
  Probe("local:");
  const ProbeStub probe = Probe("local:/local:");
  const uint32_t own = IdOf("local:/local:");
  CallOutReply reply =
      CallOut(probe, To(CallOutRequest::MASTER, CallOutRequest::WHO));
  ASSERT_EQ(reply.code(), 0) << reply.message();
  EXPECT_EQ(reply.who().caller_id(), own);
  const uint32_t authority = reply.who().authority();
  EXPECT_NE(authority, own);
  EXPECT_NE(authority, IdOf("local:"));
  EXPECT_NE(authority, core::kMasterId);
  reply = CallOut(probe, To(CallOutRequest::PARENT, CallOutRequest::WHO));
  EXPECT_EQ(reply.who().caller_id(), own);
  EXPECT_EQ(reply.who().authority(), authority);
  // Nobody reaches the module by that id, from above, beside or itself.
  for (const char* from : {"local:", "local:/local:", "local:b"}) {
    CallOutRequest request = To(CallOutRequest::BY_ID, CallOutRequest::ECHO);
    request.set_id(authority);
    ExpectRefused(Probe(from), request, absl::StatusCode::kUnavailable);
  }
}

TEST_F(CallsFromModulesTest, WhatIsForParentsIsRefusedEverywhere) {
  Probe("local:");
  Probe("local:/local:b");
  const ProbeStub probe = Probe("local:/local:a");
  Probe("local:/local:a/local:");
  std::vector<CallOutRequest> targets = {
      To(CallOutRequest::OWN, {}), To(CallOutRequest::PARENT, {}),
      ToName("local:/local:b", {}), ToName("local:/local:a/local:", {})};
  for (CallOutRequest& request : targets) {
    for (auto method : {CallOutRequest::ABOVE, CallOutRequest::PARENTS,
                        CallOutRequest::AGENT}) {
      request.set_method(method);
      SCOPED_TRACE(request.ShortDebugString());
      ExpectRefused(probe, request, absl::StatusCode::kPermissionDenied);
    }
  }
  ExpectRefused(probe, To(CallOutRequest::MASTER, CallOutRequest::ABOVE),
                absl::StatusCode::kPermissionDenied);
  ExpectRefused(probe, To(CallOutRequest::MASTER, CallOutRequest::AGENT),
                absl::StatusCode::kUnimplemented);
}

TEST_F(CallsFromModulesTest, WhatIsForSelfIsForTheContextsOwnModules) {
  Probe("local:");
  Probe("local:/local:b");
  const ProbeStub probe = Probe("local:/local:a");
  const CallOutReply reply =
      CallOut(probe, To(CallOutRequest::OWN, CallOutRequest::OWN_METHOD));
  EXPECT_EQ(reply.code(), 0) << reply.message();
  EXPECT_EQ(reply.who().caller_id(), IdOf("local:/local:a"));
  const auto method = CallOutRequest::OWN_METHOD;
  for (const CallOutRequest& request :
       {To(CallOutRequest::MASTER, method), To(CallOutRequest::PARENT, method),
        ToName("local:/local:b", method)}) {
    ExpectRefused(probe, request, absl::StatusCode::kPermissionDenied);
  }
}

TEST_F(CallsFromModulesTest, AUnidirectionalTreeLetsItCallUpAndDownOnly) {
  Create(true);
  Probe("local:");
  Probe("local:/local:b");
  Probe("local:c");
  const ProbeStub probe = Probe("local:/local:a");
  ExpectServed(probe, To(CallOutRequest::MASTER, {}));
  ExpectServed(probe, To(CallOutRequest::PARENT, {}));
  ExpectServed(probe, To(CallOutRequest::OWN, {}));
  ExpectServed(Probe("local:"), ToName("local:/local:a", {}));
  for (const char* beside : {"local:/local:b", "local:c"}) {
    ExpectRefused(probe, ToName(beside, CallOutRequest::ECHO),
                  absl::StatusCode::kPermissionDenied);
  }
}

TEST_F(CallsFromModulesTest, LargeMessagesAndManyCallsAtOncePass) {
  const ProbeStub probe = Probe("local:/local:");
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.mutable_echo()->set_payload(std::string(3 << 20, 'p'));
  CallOutReply reply = CallOut(probe, request);
  EXPECT_EQ(reply.code(), 0) << reply.message();
  EXPECT_EQ(reply.payload().size(), 3u << 20);
  request.set_method(CallOutRequest::SUM);
  request.set_count(20);
  EXPECT_EQ(CallOut(probe, request).count(), 20 * (3 << 20));
  request = To(CallOutRequest::OWN, CallOutRequest::COUNT);
  request.mutable_echo()->set_reply_bytes(1 << 20);
  request.set_count(50);
  EXPECT_EQ(CallOut(probe, request).count(), 50);
  request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.set_times(50);
  EXPECT_EQ(CallOut(probe, request).count(), 50);
}

TEST_F(CallsFromModulesTest, OneContextHasSoManyCallsToTheMaster) {
  const ProbeStub probe = Probe("local:");
  const ProbeStub other = Probe("local:b");
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.mutable_echo()->set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  request.set_times(100);
  auto pending = probe.StartCallOut(request);
  // 36 are refused at once; the others are still at work.
  WaitUntilRunning(64);
  ExpectServed(other, To(CallOutRequest::MASTER, {}));
  ExpectRefused(probe, To(CallOutRequest::MASTER, CallOutRequest::ECHO),
                absl::StatusCode::kResourceExhausted);
  ::probe::v1::CrashRequest crash;
  crash.set_signal(SIGKILL);
  EXPECT_FALSE(probe.Crash(crash).ok());
  EXPECT_FALSE(pending.Wait().ok());
  EXPECT_TRUE(WaitUntilIdle());
}

TEST_F(CallsFromModulesTest, AMethodsDeadlineIsItsCallsDeadline) {
  const ProbeStub probe = Probe("local:");
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::WHO);
  CallOutReply reply = CallOut(probe, request);
  EXPECT_GT(reply.who().timeout_ms(), 0);
  EXPECT_LE(reply.who().timeout_ms(), absl::ToInt64Milliseconds(kHangs));
  request.set_free(true);
  EXPECT_EQ(CallOut(probe, request).who().timeout_ms(), 0);
  request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.mutable_echo()->set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  request.set_timeout_ms(20);
  ExpectRefused(probe, request, absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(WaitUntilIdle());
}

TEST_F(CallsFromModulesTest, ACancelledCallCancelsThoseItMade) {
  const ProbeStub probe = Probe("local:/local:");
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.mutable_echo()->set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  struct Listener final : stub::RawCallListener {
    void OnMessage(std::string) override {}
    void OnEnd(stub::CallEnd) override { over.Notify(); }
    absl::Notification over;
  };
  const auto listener = std::make_shared<Listener>();
  const auto call = master_->StartCall("local:/local:", {},
                                       "/probe.v1.Probe/CallOut", {}, listener);
  call->SendLast(request.SerializeAsString());
  WaitUntilRunning(1);
  const int64_t before = probe::Open::cancelled();
  call->Cancel();
  EXPECT_TRUE(WaitUntilIdle());
  EXPECT_EQ(probe::Open::cancelled(), before + 1);
  listener->over.WaitForNotification();
}

TEST_F(CallsFromModulesTest, WhatAMethodLeavesBehindEndsWithIt) {
  const ProbeStub probe = Probe("local:");
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.mutable_echo()->set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  request.set_leave(true);
  EXPECT_EQ(CallOut(probe, request).code(), 0);
  // It was on its way before the answer.
  ExpectServed(probe, To(CallOutRequest::MASTER, {}));
  EXPECT_TRUE(WaitUntilIdle());
}

TEST_F(CallsFromModulesTest, TheEndOfTheCallersModuleCancelsItsCalls) {
  const ProbeStub probe = Probe("local:/local:");
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.mutable_echo()->set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  auto pending = probe.StartCallOut(request);
  WaitUntilRunning(1);
  ::probe::v1::CrashRequest crash;
  crash.set_signal(SIGKILL);
  EXPECT_FALSE(probe.Crash(crash).ok());
  EXPECT_EQ(pending.Wait().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(WaitUntilIdle());
  // The next one has another id, and calls as well.
  ExpectServed(Probe("local:/local:"), To(CallOutRequest::MASTER, {}));
}

TEST_F(CallsFromModulesTest, TheEndOfTheCallersContextCancelsItsCalls) {
  const ProbeStub probe = Probe("local:/local:");
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::COUNT);
  request.set_count(-1);
  request.mutable_echo()->set_reply_bytes(1000);
  auto pending = probe.StartCallOut(request);
  WaitUntilRunning(1);
  for (const ContextInfo& info : master_->List()) {
    if (info.name == "local:/local:") kill(info.hello.pid, SIGKILL);
  }
  EXPECT_EQ(pending.Wait().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(WaitUntilIdle());
}

TEST_F(CallsFromModulesTest, TheEndOfTheCalleeIsTold) {
  const ProbeStub callee = Probe("local:b");
  const ProbeStub caller = Probe("local:a");
  CallOutRequest request = ToName("local:b", CallOutRequest::COUNT);
  request.set_count(-1);
  auto pending = caller.StartCallOut(request);
  WaitUntilServing(callee);
  ::probe::v1::CrashRequest crash;
  crash.set_signal(SIGKILL);
  EXPECT_FALSE(callee.Crash(crash).ok());
  auto reply = pending.Wait();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->code(), Number(absl::StatusCode::kUnavailable))
      << reply->message();
  // And of its context, three hops away.
  Probe("local:b");
  const ProbeStub below = Probe("local:a/local:");
  request.mutable_echo()->set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  request.set_method(CallOutRequest::ECHO);
  pending = below.StartCallOut(request);
  WaitUntilServing(callee);
  for (const ContextInfo& info : master_->List()) {
    if (info.name == "local:b") kill(info.hello.pid, SIGKILL);
  }
  reply = pending.Wait();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->code(), Number(absl::StatusCode::kUnavailable))
      << reply->message();
}

TEST_F(CallsFromModulesTest, ChainsKeepTheirOrderAndStopAtAFailure) {
  Probe("local:b");
  const ProbeStub caller = Probe("local:a/local:");
  CallOutRequest request = ToName("local:b", CallOutRequest::CHAIN);
  request.set_times(10);
  request.set_count(-1);
  CallOutReply reply = CallOut(caller, request);
  EXPECT_EQ(reply.code(), 0) << reply.message();
  EXPECT_EQ(reply.count(), 10);
  request.set_count(4);
  reply = CallOut(caller, request);
  EXPECT_EQ(reply.code(), Number(absl::StatusCode::kDataLoss))
      << reply.message();
  EXPECT_EQ(reply.count(), 4);
  EXPECT_EQ(reply.failed(), 6);
  request.set_target(CallOutRequest::MASTER);
  ExpectRefused(caller, request, absl::StatusCode::kUnimplemented);
}

TEST_F(CallsFromModulesTest, ServicesComeBeforeAndAfterContextsAndOnce) {
  EXPECT_EQ(master_->AddService(std::make_unique<probe::Open>()).code(),
            absl::StatusCode::kAlreadyExists);
  auto late = Master::Create();
  ASSERT_TRUE(late.ok());
  master_ = *std::move(late);
  ASSERT_TRUE(master_->LoadModuleFile("tests/probe/probe.rmod").ok());
  const ProbeStub probe = Probe("local:");
  ExpectRefused(probe, To(CallOutRequest::MASTER, CallOutRequest::ECHO),
                absl::StatusCode::kUnimplemented);
  ASSERT_TRUE(master_->AddService(std::make_unique<probe::Open>()).ok());
  ExpectServed(probe, To(CallOutRequest::MASTER, {}));
}

TEST_F(CallsFromModulesTest, TheMastersEndCancelsAndWaits) {
  const ProbeStub probe = Probe("local:");
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.mutable_echo()->set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  auto pending = probe.StartCallOut(request);
  WaitUntilRunning(1);
  master_.reset();
  EXPECT_EQ(probe::Open::running(), 0);
  EXPECT_EQ(pending.Wait().status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace ramet::server
