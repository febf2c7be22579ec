#include "stub/call_scheduler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/wire/frame_header.h"
#include "stub/call_port.h"
#include "stub/method_table.h"

namespace ramet::stub {
namespace {

class TestService : public Service {
 public:
  const ServiceInfo& RametInfo() const override {
    static constexpr MethodInfo kMethods[] = {
        {"Unary", Policy::kParents},
        {"Stream", Policy::kParents, MethodKind::kBidiStreaming}};
    static constexpr ServiceInfo kInfo = {"a.B", kMethods, 2};
    return kInfo;
  }
  absl::Status RametCall(size_t, const CallContext&, const std::string&,
                         std::string*) override {
    return absl::OkStatus();
  }
};

class TestPort final : public CallPort {
 public:
  void SendFrames(ServedCall*) override {}
};

class CallSchedulerTest : public testing::Test, protected CallScheduler::Host {
 protected:
  using CallPtr = CallScheduler::CallPtr;
  using Calls = std::vector<CallPtr>;

  CallSchedulerTest() {
    ServiceOptions limits;
    limits.max_concurrent_calls = 2;
    limits.max_queued_calls = 8;
    EXPECT_TRUE(free_methods_.Add(&service_).ok());
    EXPECT_TRUE(limited_methods_.Add(&service_, limits).ok());
  }

  CallPtr Make(const std::string& method, bool limited = false,
               bool foreign = false) {
    core::FrameHeader header;
    header.src_id = 1;
    header.reply_to = ++last_handle_;
    ServedCall::Options options;
    options.method =
        (limited ? limited_methods_ : free_methods_).Find("/a.B/" + method);
    options.foreign = foreign;
    return std::make_shared<ServedCall>(header, options, &port_);
  }
  Calls AddAll(const std::string& method, int count, bool limited = false) {
    return AddAllTo(&scheduler_, method, count, limited);
  }
  Calls AddAllTo(CallScheduler* scheduler, const std::string& method, int count,
                 bool limited = false) {
    Calls calls;
    for (int i = 0; i < count; ++i) {
      calls.push_back(Make(method, limited));
      scheduler->OnWhole(calls.back());
    }
    return calls;
  }
  void Abort(const CallPtr& call) {
    call->Abort(absl::CancelledError(""));
    scheduler_.OnAborted(call);
  }

  void Refuse(const CallPtr& call, const absl::Status& status) override {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    refused_.push_back(call);
  }
  bool StartStream(const CallPtr& call) override {
    if (!threads_left_) return false;
    streams_.push_back(call);
    return true;
  }

  TestService service_;
  TestPort port_;
  MethodTable free_methods_;
  MethodTable limited_methods_;
  CallScheduler scheduler_{{/*max_threads=*/2, /*max_streams=*/4}, this};
  core::HandleId last_handle_ = 1000;
  bool threads_left_ = true;
  Calls refused_;
  Calls streams_;
};

TEST_F(CallSchedulerTest, UnaryCallsTakeTurnsOnTheThreads) {
  const Calls calls = AddAll("Unary", 3);
  EXPECT_EQ(scheduler_.TakeUnary(), calls[0]);
  EXPECT_EQ(scheduler_.TakeUnary(), calls[1]);
  EXPECT_TRUE(scheduler_.has_ready());
  EXPECT_FALSE(scheduler_.HasUnary());
  EXPECT_EQ(scheduler_.TakeUnary(), nullptr);
  scheduler_.OnUnaryReturned(nullptr);
  EXPECT_EQ(scheduler_.TakeUnary(), calls[2]);
  scheduler_.OnUnaryReturned(nullptr);
  scheduler_.OnUnaryReturned(nullptr);
  EXPECT_FALSE(scheduler_.busy());
}

TEST_F(CallSchedulerTest, CallsThatAreOverAreNotServed) {
  const Calls calls = AddAll("Unary", 3);
  Abort(calls[0]);
  Abort(calls[1]);
  EXPECT_EQ(scheduler_.TakeUnary(), calls[2]);
}

TEST_F(CallSchedulerTest, StreamsHaveALimitAndForeignOnesAPartOfIt) {
  const CallPtr foreign = Make("Stream", false, /*foreign=*/true);
  scheduler_.OnWhole(foreign);
  scheduler_.OnWhole(Make("Stream", false, /*foreign=*/true));
  EXPECT_EQ(refused_.size(), 1u);
  AddAll("Stream", 3);
  EXPECT_EQ(streams_.size(), 4u);
  AddAll("Stream", 1);
  EXPECT_EQ(refused_.size(), 2u);
  scheduler_.OnStreamReturned(*foreign);
  AddAll("Stream", 1);
  EXPECT_EQ(streams_.size(), 5u);
}

TEST_F(CallSchedulerTest, ReturningStreamLeavesItsPlaceBeforeItsAnswerIsSent) {
  // As many as the service serves at a time.
  CallScheduler scheduler({/*max_threads=*/2, /*max_streams=*/2}, this);
  const Calls calls = AddAllTo(&scheduler, "Stream", 4, /*limited=*/true);
  EXPECT_EQ(streams_, (Calls{calls[0], calls[1]}));
  scheduler.OnMethodReturned(*calls[0]);
  EXPECT_EQ(streams_.size(), 3u);
  scheduler.OnMethodReturned(*calls[1]);
  EXPECT_EQ(streams_, calls);
  EXPECT_TRUE(refused_.empty());
  // One that is not limited finds a place as well, once an answer was sent.
  scheduler.OnStreamReturned(*calls[0]);
  scheduler.OnMethodReturned(*calls[2]);
  const Calls free = AddAllTo(&scheduler, "Stream", 2);
  EXPECT_EQ(streams_.back(), free[0]);
  EXPECT_EQ(refused_, (Calls{free[1]}));
  for (const CallPtr& call : {calls[1], calls[2], calls[3], free[0]}) {
    EXPECT_TRUE(scheduler.busy());
    scheduler.OnStreamReturned(*call);
  }
  EXPECT_FALSE(scheduler.busy());
}

TEST_F(CallSchedulerTest, AnswersThatNobodyReadsKeepTheirPlaces) {
  CallScheduler scheduler({/*max_threads=*/2, /*max_streams=*/2}, this);
  Calls calls = AddAllTo(&scheduler, "Stream", 6, /*limited=*/true);
  for (int i = 0; i < 4; ++i) scheduler.OnMethodReturned(*calls[i]);
  EXPECT_EQ(streams_.size(), 4u) << "twice as many threads as streams";
  EXPECT_TRUE(refused_.empty());
  scheduler.OnStreamReturned(*calls[0]);
  EXPECT_EQ(streams_.size(), 4u);
  scheduler.OnStreamReturned(*calls[2]);
  EXPECT_EQ(streams_.size(), 5u);
  for (const int i : {1, 3, 4, 5}) scheduler.OnStreamReturned(*calls[i]);
  EXPECT_EQ(streams_, calls);
  EXPECT_TRUE(refused_.empty());
  EXPECT_FALSE(scheduler.busy());
}

TEST_F(CallSchedulerTest, StreamWithoutAThreadIsRefusedAndLeavesItsPlace) {
  threads_left_ = false;
  // Each lets in the next, which has no thread either.
  AddAll("Stream", 5, /*limited=*/true);
  EXPECT_EQ(refused_.size(), 5u);
  threads_left_ = true;
  AddAll("Stream", 2, /*limited=*/true);
  EXPECT_EQ(streams_.size(), 2u);
  EXPECT_TRUE(scheduler_.busy());
}

TEST_F(CallSchedulerTest, LimitedCallsOfAllKindsShareTheirPlaces) {
  const Calls streams = AddAll("Stream", 2, /*limited=*/true);
  const Calls unary = AddAll("Unary", 2, /*limited=*/true);
  const Calls free = AddAll("Unary", 1);
  EXPECT_EQ(scheduler_.TakeUnary(), free[0]);
  EXPECT_EQ(scheduler_.TakeUnary(), nullptr);
  scheduler_.OnMethodReturned(*streams[0]);
  EXPECT_EQ(scheduler_.TakeUnary(), unary[0]);
  // Its end gives nothing back twice.
  scheduler_.OnStreamReturned(*streams[0]);
  EXPECT_FALSE(scheduler_.has_ready());
  // A call that waits leaves; one that is at work keeps its place.
  Abort(unary[1]);
  Abort(unary[0]);
  const Calls more = AddAll("Unary", 1, /*limited=*/true);
  scheduler_.OnUnaryReturned(nullptr);
  EXPECT_EQ(scheduler_.TakeUnary(), nullptr);
  scheduler_.OnUnaryReturned(unary[0].get());
  EXPECT_EQ(scheduler_.TakeUnary(), more[0]);
}

}  // namespace
}  // namespace ramet::stub
