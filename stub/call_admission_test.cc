#include "stub/call_admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "core/wire/frame_header.h"
#include "stub/call_port.h"

namespace ramet::stub {
namespace {

class TestService : public Service {
 public:
  const ServiceInfo& RametInfo() const override {
    static constexpr MethodInfo kMethods[] = {
        {"Free", Policy::kParents},
        {"Serial", Policy::kParents, MethodKind::kUnary, Concurrency::kSerial},
        {"Stream", Policy::kParents, MethodKind::kBidiStreaming}};
    static constexpr ServiceInfo kInfo = {"a.B", kMethods, 3, {2, 4, 0}};
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

class CallAdmissionTest : public testing::Test {
 protected:
  using CallPtr = CallAdmission::CallPtr;
  enum Outcome { kAdmitted, kQueued, kRefused };

  CallAdmissionTest() { EXPECT_TRUE(methods_.Add(&service_).ok()); }

  CallPtr Make(const std::string& method, bool foreign = false) {
    core::FrameHeader header;
    header.src_id = 1;
    header.reply_to = ++last_handle_;
    ServedCall::Options options;
    options.method = methods_.Find("/a.B/" + method);
    options.foreign = foreign;
    return std::make_shared<ServedCall>(header, options, &port_);
  }
  Outcome Add(const CallPtr& call) {
    bool admitted = false;
    status_ = admission_.Add(call, &admitted);
    if (!status_.ok()) return kRefused;
    return admitted ? kAdmitted : kQueued;
  }
  std::vector<CallPtr> Return(const CallPtr& call) {
    std::vector<CallPtr> next;
    admission_.OnBegin(*call);
    admission_.OnReturned(*call, &next);
    return next;
  }
  std::vector<CallPtr> Abort(const CallPtr& call, bool expect_waited) {
    std::vector<CallPtr> next;
    EXPECT_EQ(admission_.OnAborted(*call, &next), expect_waited);
    return next;
  }

  TestService service_;
  TestPort port_;
  MethodTable methods_;
  CallAdmission admission_{/*foreign_part=*/4};
  core::HandleId last_handle_ = 1000;
  absl::Status status_;
};

using Calls = std::vector<CallAdmission::CallPtr>;

TEST_F(CallAdmissionTest, LetsWaitingCallsInInTheOrderOfArrival) {
  std::vector<CallPtr> calls;
  for (const char* method :
       {"Free", "Stream", "Stream", "Free", "Stream", "Free"}) {
    calls.push_back(Make(method));
  }
  EXPECT_EQ(Add(calls[0]), kAdmitted);
  EXPECT_EQ(Add(calls[1]), kAdmitted);
  for (int i = 2; i < 6; ++i) EXPECT_EQ(Add(calls[i]), kQueued);
  EXPECT_EQ(admission_.queued(), 4u);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Return(calls[i]), Calls{calls[i + 2]});
  }
  EXPECT_EQ(Return(calls[4]), Calls{});
  EXPECT_EQ(Return(calls[5]), Calls{});
  EXPECT_EQ(admission_.queued(), 0u);
}

TEST_F(CallAdmissionTest, NamesTheLimitWhenTheQueueIsFull) {
  std::vector<CallPtr> calls;
  for (int i = 0; i < 6; ++i) {
    calls.push_back(Make("Free"));
    EXPECT_NE(Add(calls[i]), kRefused);
  }
  EXPECT_EQ(Add(Make("Stream")), kRefused);
  EXPECT_EQ(status_.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status_.message(),
            "service a.B serves 2 calls at a time (max_concurrent_calls), and "
            "as many wait as may: 4 (max_queued_calls); try again when some "
            "are over");
  // One that was refused has no place.
  EXPECT_EQ(Return(calls[0]), Calls{calls[2]});
  EXPECT_EQ(Add(Make("Free")), kQueued);
}

TEST_F(CallAdmissionTest, SerialMethodRunsOnceAndOthersBesideIt) {
  const CallPtr first = Make("Serial");
  const CallPtr second = Make("Serial");
  const CallPtr other = Make("Free");
  EXPECT_EQ(Add(first), kAdmitted);
  EXPECT_EQ(Add(second), kQueued);
  EXPECT_EQ(Add(other), kAdmitted);
  EXPECT_EQ(Return(other), Calls{});
  EXPECT_EQ(Return(first), Calls{second});
  EXPECT_EQ(Return(second), Calls{});
}

TEST_F(CallAdmissionTest, SerialCallKeepsItsPlaceAmongTheOthers) {
  const CallPtr serial = Make("Serial");
  const CallPtr long_one = Make("Free");
  const CallPtr next_serial = Make("Serial");
  const CallPtr later = Make("Free");
  Add(serial);
  Add(long_one);
  EXPECT_EQ(Add(next_serial), kQueued);
  EXPECT_EQ(Add(later), kQueued);
  // It came before `later`, though only now its method is free.
  EXPECT_EQ(Return(serial), Calls{next_serial});
  EXPECT_EQ(Return(long_one), Calls{later});
}

TEST_F(CallAdmissionTest, AbortedCallLeavesTheQueueAtOnce) {
  std::vector<CallPtr> calls;
  for (int i = 0; i < 6; ++i) {
    calls.push_back(Make("Free"));
    Add(calls[i]);
  }
  EXPECT_EQ(Abort(calls[2], /*expect_waited=*/true), Calls{});
  EXPECT_EQ(admission_.queued(), 3u);
  const CallPtr late = Make("Free");
  EXPECT_EQ(Add(late), kQueued);
  EXPECT_EQ(Return(calls[0]), Calls{calls[3]});
  // Let in, and not begun.
  EXPECT_EQ(Abort(calls[3], /*expect_waited=*/false), Calls{calls[4]});
}

TEST_F(CallAdmissionTest, AbortedSerialCallsPassTheirTurnOn) {
  const CallPtr a = Make("Free");
  const CallPtr b = Make("Free");
  const CallPtr first = Make("Serial");
  const CallPtr second = Make("Serial");
  const CallPtr third = Make("Serial");
  for (const CallPtr& call : {a, b, first, second, third}) Add(call);
  EXPECT_EQ(Abort(second, true), Calls{});
  EXPECT_EQ(Abort(first, true), Calls{});
  EXPECT_EQ(Return(a), Calls{third});
}

TEST_F(CallAdmissionTest, CallAtWorkKeepsItsPlaceUntilItsMethodReturns) {
  const CallPtr first = Make("Serial");
  const CallPtr second = Make("Serial");
  Add(first);
  Add(second);
  admission_.OnBegin(*first);
  EXPECT_EQ(Abort(first, /*expect_waited=*/false), Calls{});
  EXPECT_EQ(Return(first), Calls{second});
}

TEST_F(CallAdmissionTest, ForeignCallersHaveAPartOfTheQueueOnly) {
  Add(Make("Free"));
  Add(Make("Free"));
  const CallPtr foreign = Make("Free", /*foreign=*/true);
  EXPECT_EQ(Add(foreign), kQueued);
  EXPECT_EQ(Add(Make("Free", /*foreign=*/true)), kRefused);
  EXPECT_EQ(Add(Make("Free")), kQueued);
  Abort(foreign, true);
  EXPECT_EQ(Add(Make("Free", /*foreign=*/true)), kQueued);
}

// Against a simple model: never more than the limits, and nobody is forgotten.
TEST_F(CallAdmissionTest, HoldsItsLimitsWhateverHappens) {
  std::mt19937 random(4711);
  const char* const kMethods[] = {"Free", "Serial", "Stream"};
  std::vector<CallPtr> at_work;
  std::vector<CallPtr> waiting;
  const auto let_in = [&](const Calls& calls) {
    for (const CallPtr& call : calls) {
      const auto found = std::find(waiting.begin(), waiting.end(), call);
      ASSERT_NE(found, waiting.end());
      waiting.erase(found);
      at_work.push_back(call);
      admission_.OnBegin(*call);
    }
  };
  for (int step = 0; step < 20'000; ++step) {
    const unsigned what = random() % 4;
    if (what < 2) {
      const CallPtr call = Make(kMethods[random() % 3]);
      const Outcome outcome = Add(call);
      if (outcome == kAdmitted) {
        admission_.OnBegin(*call);
        at_work.push_back(call);
      } else if (outcome == kQueued) {
        waiting.push_back(call);
      } else {
        EXPECT_EQ(waiting.size(), 4u);
      }
    } else if (what == 2 && !at_work.empty()) {
      const size_t i = random() % at_work.size();
      const CallPtr call = at_work[i];
      at_work.erase(at_work.begin() + i);
      let_in(Return(call));
    } else if (what == 3 && !waiting.empty() && random() % 2 == 0) {
      const size_t i = random() % waiting.size();
      const CallPtr call = waiting[i];
      waiting.erase(waiting.begin() + i);
      let_in(Abort(call, true));
    }
    ASSERT_LE(at_work.size(), 2u);
    ASSERT_EQ(admission_.queued(), waiting.size());
    size_t serial = 0;
    for (const CallPtr& call : at_work) serial += call->method().serial;
    ASSERT_LE(serial, 1u);
    // Who waits has a reason to.
    for (const CallPtr& call : waiting) {
      ASSERT_TRUE(at_work.size() == 2 ||
                  (call->method().serial && serial == 1));
    }
  }
}

}  // namespace
}  // namespace ramet::stub
