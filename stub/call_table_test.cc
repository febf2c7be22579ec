#include "stub/call_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "tests/probe/call_payloads.h"

namespace ramet::stub {
namespace {

using probe::CallPayloads;
using probe::Payload;

constexpr size_t kMaxMessageBytes = 200'000;

// "/a.B/C" is unary, "/a.B/S" streams.
class TestService : public Service {
 public:
  const ServiceInfo& RametInfo() const override {
    static constexpr MethodInfo kMethods[] = {
        {"C", Policy::kParents},
        {"S", Policy::kParents, MethodKind::kBidiStreaming}};
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

core::FrameHeader HeaderFrom(core::ContextId caller, core::HandleId reply_to) {
  core::FrameHeader header;
  header.src_id = caller;
  header.auth_id = caller;
  header.handle = core::kCallFunction;
  header.reply_to = reply_to;
  return header;
}

class CallTableTest : public testing::Test {
 protected:
  using CallPtr = std::shared_ptr<ServedCall>;

  CallTableTest() { EXPECT_TRUE(methods_.Add(&service_).ok()); }

  CallPtr Feed(core::ContextId caller, core::HandleId reply_to,
               const std::string& payload) {
    fed_ = {};
    return table_.OnFrame(HeaderFrom(caller, reply_to), payload, &fed_);
  }
  static std::string RequestOf(const CallPtr& call) {
    std::string request;
    EXPECT_TRUE(call->TakeRequest(&request).ok());
    return request;
  }
  // The code that a call was answered with.
  static uint32_t CodeOf(ServedCall* call) {
    std::string frames;
    bool over = false;
    EXPECT_TRUE(call->TakeFrames(false, &frames, &over));
    EXPECT_TRUE(over);
    core::PartReader parts(
        std::string_view(frames).substr(core::kFrameHeaderBytes));
    core::Part part;
    EXPECT_TRUE(parts.Next(&part));
    EXPECT_EQ(part.kind, core::PartKind::kTrailers);
    core::CallTrailers trailers;
    EXPECT_TRUE(core::ParseControl(part.bytes, &trailers));
    text_ = trailers.message;
    return trailers.code;
  }

  static std::string text_;
  TestService service_;
  TestPort port_;
  MethodTable methods_;
  CallTable table_{{/*own_id=*/7, /*ancestor_ids=*/{3, 0}, kMaxMessageBytes},
                   &methods_,
                   &port_};
  ServedCall::Fed fed_;
};

std::string CallTableTest::text_;

TEST_F(CallTableTest, OneFrameMakesAWholeCall) {
  const CallPtr call = Feed(5, 1000, CallPayloads("/a.B/C", "request").front());
  ASSERT_NE(call, nullptr);
  EXPECT_TRUE(fed_.opened);
  EXPECT_TRUE(fed_.start);
  EXPECT_FALSE(fed_.over);
  EXPECT_FALSE(fed_.has_frames);
  EXPECT_TRUE(call->foreign());
  EXPECT_EQ(call->context().method(), "/a.B/C");
  EXPECT_EQ(call->context().caller().id, 5u);
  EXPECT_EQ(call->context().FindMetadata("other"), nullptr);
  EXPECT_EQ(call->context().deadline(), absl::InfiniteFuture());
  EXPECT_EQ(RequestOf(call), "request");
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_EQ(table_.Find(call->key()), call);
  EXPECT_TRUE(table_.Remove(*call));
  EXPECT_FALSE(table_.Remove(*call));
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(CallTableTest, CallersAboveTheModuleAreNotForeign) {
  EXPECT_FALSE(Feed(0, 1000, CallPayloads("/a.B/C", "").front())->foreign());
  EXPECT_FALSE(Feed(3, 1000, CallPayloads("/a.B/C", "").front())->foreign());
}

TEST_F(CallTableTest, CallsInPiecesInterleave) {
  const auto one = CallPayloads("/a.B/C", std::string(150'000, '1'));
  const auto two = CallPayloads("/a.B/C", std::string(150'000, '2'));
  ASSERT_EQ(one.size(), 3u);
  for (size_t i = 0; i < 2; ++i) {
    Feed(5, 1000, one[i]);
    EXPECT_FALSE(fed_.start);
    Feed(6, 1000, two[i]);
    EXPECT_FALSE(fed_.start);
  }
  const CallPtr second = Feed(6, 1000, two[2]);
  EXPECT_TRUE(fed_.start);
  const CallPtr first = Feed(5, 1000, one[2]);
  EXPECT_TRUE(fed_.start);
  EXPECT_EQ(RequestOf(first), std::string(150'000, '1'));
  EXPECT_EQ(RequestOf(second), std::string(150'000, '2'));
}

TEST_F(CallTableTest, StreamStartsWithItsHeaders) {
  const CallPtr call = Feed(5, 1000, Payload([](core::PartWriter* parts) {
                              parts->AddHeaders(probe::HeadersOf("/a.B/S"));
                            }));
  EXPECT_TRUE(fed_.start);
  Feed(5, 1000, Payload([](core::PartWriter* parts) {
         parts->AddMessage("one");
         parts->AddEnd();
       }));
  EXPECT_FALSE(fed_.start);
  std::string message;
  EXPECT_TRUE(call->Read(&message));
  EXPECT_EQ(message, "one");
  EXPECT_FALSE(call->Read(&message));
}

TEST_F(CallTableTest, FrameUnderAnotherAuthorityIsNotPartOfTheCall) {
  const auto call = CallPayloads("/a.B/C", std::string(100'000, 'x'));
  Feed(5, 1000, call[0]);
  core::FrameHeader forged = HeaderFrom(5, 1000);
  forged.auth_id = core::kMasterId;
  EXPECT_EQ(table_.OnFrame(forged, call[1], &fed_), nullptr);
  Feed(5, 1000, call[1]);
  EXPECT_TRUE(fed_.start);
}

TEST_F(CallTableTest, RequestAboveTheLimitIsRefusedWithBothNumbers) {
  const auto call = CallPayloads("/a.B/C", std::string(200'001, 'x'));
  const CallPtr refused = Feed(5, 1000, call[0]);
  EXPECT_TRUE(fed_.over);
  EXPECT_EQ(CodeOf(refused.get()), 8u);
  EXPECT_NE(text_.find("200001"), std::string::npos);
  EXPECT_NE(text_.find("200000"), std::string::npos);
  // The rest comes before the call is forgotten, and after it.
  Feed(5, 1000, call[1]);
  EXPECT_FALSE(fed_.start);
  table_.Remove(*refused);
  EXPECT_EQ(Feed(5, 1000, call[2]), nullptr);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(CallTableTest, CancelReachesACallThatIsServed) {
  const std::string cancel =
      Payload([](core::PartWriter* parts) { parts->AddCancel(); });
  const CallPtr call = Feed(5, 1000, CallPayloads("/a.B/C", "")[0]);
  EXPECT_EQ(Feed(6, 1000, cancel), nullptr);
  EXPECT_FALSE(call->over());
  EXPECT_EQ(Feed(5, 1000, cancel), call);
  EXPECT_TRUE(fed_.over);
  call->CancelIfAborted();
  EXPECT_TRUE(call->context().is_cancelled());
  EXPECT_EQ(CodeOf(call.get()), 1u);
  // What the method says then goes nowhere.
  call->Finish(absl::OkStatus(), "late");
  std::string frames;
  bool over;
  EXPECT_FALSE(call->TakeFrames(true, &frames, &over));
}

TEST_F(CallTableTest, CancelEndsACallThatStillArrives) {
  Feed(5, 1000, CallPayloads("/a.B/C", std::string(100'000, 'x'))[0]);
  const CallPtr cancelled = Feed(
      5, 1000, Payload([](core::PartWriter* parts) { parts->AddCancel(); }));
  EXPECT_TRUE(fed_.over);
  EXPECT_FALSE(fed_.start);
  EXPECT_EQ(CodeOf(cancelled.get()), 1u);
}

TEST_F(CallTableTest, CallOfNoOrTwoRequestsIsRefused) {
  CallPtr call = Feed(5, 1000, Payload([](core::PartWriter* parts) {
                        parts->AddHeaders(probe::HeadersOf("/a.B/C"));
                        parts->AddEnd();
                      }));
  EXPECT_EQ(CodeOf(call.get()), 3u);
  call = Feed(5, 1001, Payload([](core::PartWriter* parts) {
                parts->AddHeaders(probe::HeadersOf("/a.B/C"));
                parts->AddMessage("a");
                parts->AddMessage("b");
                parts->AddEnd();
              }));
  EXPECT_EQ(CodeOf(call.get()), 3u);
}

TEST_F(CallTableTest, UnknownMethodIsAnsweredAtItsFirstFrame) {
  const CallPtr call = Feed(5, 1000, CallPayloads("/a.B/Nope", "x")[0]);
  EXPECT_TRUE(fed_.over);
  EXPECT_EQ(CodeOf(call.get()), 12u);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(CallTableTest, BytesThatAreNoPartsAreRefusedOrDropped) {
  EXPECT_EQ(Feed(5, 1000, "garbage"), nullptr);
  EXPECT_EQ(Feed(5, 1000, ""), nullptr);
  EXPECT_EQ(table_.size(), 0u);
  const std::string headers = Payload([](core::PartWriter* parts) {
    parts->AddHeaders(probe::HeadersOf("/a.B/C"));
  });
  const CallPtr call = Feed(5, 1000, headers + "zz");
  EXPECT_TRUE(fed_.over);
  EXPECT_EQ(CodeOf(call.get()), 13u);
}

TEST_F(CallTableTest, CallsAboveTheLimitAreRefused) {
  const std::string headers = Payload([](core::PartWriter* parts) {
    parts->AddHeaders(probe::HeadersOf("/a.B/C"));
  });
  for (size_t i = 0; i < CallTable::kMaxOpenCalls; ++i) {
    Feed(5, 1000 + i, headers);
    ASSERT_FALSE(fed_.over);
  }
  const CallPtr call = Feed(6, 1000, headers);
  EXPECT_TRUE(fed_.over);
  EXPECT_EQ(CodeOf(call.get()), 8u);
}

TEST_F(CallTableTest, RequestsThatNobodyTakesAreBounded) {
  // Foreign calls of a window each, none of them whole.
  const auto call = CallPayloads("/a.B/C", std::string(190'000, 'x'));
  size_t refused = 0;
  constexpr int kCalls = 600;  // 109 MiB
  std::vector<CallPtr> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(Feed(5, 1000 + i, call[0]));
    for (size_t j = 1; j < call.size(); ++j) {
      if (!fed_.over) Feed(5, 1000 + i, call[j]);
    }
    refused += fed_.over;
  }
  EXPECT_LE(port_.held().taken_bytes(), CallPort::kMaxForeignBytes);
  EXPECT_GT(refused, 100u);
  EXPECT_EQ(CodeOf(calls.back().get()), 8u);
  // Those above have room all the same.
  Feed(0, 1, call[0]);
  EXPECT_FALSE(fed_.over);
  for (const CallPtr& over : calls) {
    if (over->over()) table_.Remove(*over);
    RequestOf(over);
  }
  Feed(5, 5000, call[0]);
  EXPECT_FALSE(fed_.over);
}

}  // namespace
}  // namespace ramet::stub
