#include "stub/call_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/wire/call_parts.h"
#include "core/wire/control.h"

namespace ramet::stub {
namespace {

constexpr size_t kMaxMessageBytes = 200'000;

core::FrameHeader HeaderFrom(core::ContextId caller, core::HandleId reply_to) {
  core::FrameHeader header;
  header.src_id = caller;
  header.auth_id = caller;
  header.handle = core::kCallFunction;
  header.reply_to = reply_to;
  return header;
}

std::string Headers(uint64_t timeout_us = 0) {
  core::CallHeaders headers;
  headers.method = "/a.B/C";
  headers.timeout_us = timeout_us;
  headers.metadata = {{"key", "value"}};
  return core::SerializeControl(headers);
}

// The payloads of a whole call.
std::vector<std::string> CallOf(const std::string& request) {
  std::vector<std::string> payloads;
  core::PartWriter parts(
      [&](std::string_view payload) { payloads.emplace_back(payload); });
  parts.AddHeaders(Headers());
  parts.AddMessage(request);
  parts.AddEnd();
  parts.Flush();
  return payloads;
}

std::string Cancel() {
  std::string bytes;
  core::PartWriter parts([&](std::string_view payload) { bytes = payload; });
  parts.AddCancel();
  parts.Flush();
  return bytes;
}

class CallTableTest : public testing::Test {
 protected:
  CallTable table_{kMaxMessageBytes};
};

TEST_F(CallTableTest, OneFrameMakesAWholeCall) {
  ServedCall* call =
      table_.OnFrame(HeaderFrom(5, 1000), CallOf("request").front());
  ASSERT_NE(call, nullptr);
  EXPECT_TRUE(call->refusal().ok());
  EXPECT_EQ(call->request(), "request");
  EXPECT_EQ(call->context().method(), "/a.B/C");
  EXPECT_EQ(call->context().caller().id, 5u);
  EXPECT_EQ(*call->context().FindMetadata("key"), "value");
  EXPECT_EQ(call->context().FindMetadata("other"), nullptr);
  EXPECT_EQ(call->context().deadline(), absl::InfiniteFuture());
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_NE(table_.Remove(*call), nullptr);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(CallTableTest, CallsInPiecesInterleave) {
  const std::vector<std::string> one = CallOf(std::string(150'000, '1'));
  const std::vector<std::string> two = CallOf(std::string(150'000, '2'));
  ASSERT_EQ(one.size(), 3u);
  EXPECT_EQ(table_.OnFrame(HeaderFrom(5, 1000), one[0]), nullptr);
  EXPECT_EQ(table_.OnFrame(HeaderFrom(6, 1000), two[0]), nullptr);
  EXPECT_EQ(table_.OnFrame(HeaderFrom(5, 1000), one[1]), nullptr);
  EXPECT_EQ(table_.OnFrame(HeaderFrom(6, 1000), two[1]), nullptr);
  ServedCall* second = table_.OnFrame(HeaderFrom(6, 1000), two[2]);
  ServedCall* first = table_.OnFrame(HeaderFrom(5, 1000), one[2]);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(first->request(), std::string(150'000, '1'));
  EXPECT_EQ(second->request(), std::string(150'000, '2'));
}

TEST_F(CallTableTest, FrameUnderAnotherAuthorityIsNotPartOfTheCall) {
  const std::vector<std::string> call = CallOf(std::string(100'000, 'x'));
  table_.OnFrame(HeaderFrom(5, 1000), call[0]);
  core::FrameHeader forged = HeaderFrom(5, 1000);
  forged.auth_id = core::kMasterId;
  EXPECT_EQ(table_.OnFrame(forged, call[1]), nullptr);
  EXPECT_NE(table_.OnFrame(HeaderFrom(5, 1000), call[1]), nullptr);
}

TEST_F(CallTableTest, RequestAboveTheLimitIsRefusedWithBothNumbers) {
  const std::vector<std::string> call = CallOf(std::string(200'001, 'x'));
  ServedCall* refused = table_.OnFrame(HeaderFrom(5, 1000), call[0]);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->refusal().code(), core::Code::kResourceExhausted);
  EXPECT_NE(refused->refusal().message().find("200001"), std::string::npos);
  EXPECT_NE(refused->refusal().message().find("200000"), std::string::npos);
  // The rest comes before the answer, and after it.
  EXPECT_EQ(table_.OnFrame(HeaderFrom(5, 1000), call[1]), nullptr);
  table_.Remove(*refused);
  EXPECT_EQ(table_.OnFrame(HeaderFrom(5, 1000), call[2]), nullptr);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(CallTableTest, CancelReachesACallThatIsServed) {
  ServedCall* call = table_.OnFrame(HeaderFrom(5, 1000), CallOf("")[0]);
  EXPECT_FALSE(call->context().is_cancelled());
  EXPECT_EQ(table_.OnFrame(HeaderFrom(6, 1000), Cancel()), nullptr);
  EXPECT_FALSE(call->context().is_cancelled());
  EXPECT_EQ(table_.OnFrame(HeaderFrom(5, 1000), Cancel()), nullptr);
  EXPECT_TRUE(call->context().is_cancelled());
}

TEST_F(CallTableTest, CancelEndsACallThatStillArrives) {
  const std::vector<std::string> call = CallOf(std::string(100'000, 'x'));
  table_.OnFrame(HeaderFrom(5, 1000), call[0]);
  ServedCall* cancelled = table_.OnFrame(HeaderFrom(5, 1000), Cancel());
  ASSERT_NE(cancelled, nullptr);
  EXPECT_EQ(cancelled->refusal().code(), core::Code::kCancelled);
}

TEST_F(CallTableTest, CallOfNoOrTwoRequestsIsRefused) {
  std::string bytes;
  core::PartWriter none([&](std::string_view payload) { bytes = payload; });
  none.AddHeaders(Headers());
  none.AddEnd();
  none.Flush();
  ServedCall* call = table_.OnFrame(HeaderFrom(5, 1000), bytes);
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->refusal().code(), core::Code::kInvalidArgument);

  core::PartWriter two([&](std::string_view payload) { bytes = payload; });
  two.AddHeaders(Headers());
  two.AddMessage("a");
  two.AddMessage("b");
  two.AddEnd();
  two.Flush();
  call = table_.OnFrame(HeaderFrom(5, 1001), bytes);
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->refusal().code(), core::Code::kInvalidArgument);
}

TEST_F(CallTableTest, BytesThatAreNoPartsAreRefusedOrDropped) {
  EXPECT_EQ(table_.OnFrame(HeaderFrom(5, 1000), "garbage"), nullptr);
  EXPECT_EQ(table_.OnFrame(HeaderFrom(5, 1000), ""), nullptr);
  EXPECT_EQ(table_.size(), 0u);
  ServedCall* call =
      table_.OnFrame(HeaderFrom(5, 1000), CallOf("x")[0].substr(0, 25) + "zz");
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->refusal().code(), core::Code::kInternal);
}

TEST_F(CallTableTest, CallsAboveTheLimitAreRefused) {
  std::string headers;
  core::PartWriter parts([&](std::string_view payload) { headers = payload; });
  parts.AddHeaders(Headers());
  parts.Flush();
  for (size_t i = 0; i < CallTable::kMaxOpenCalls; ++i) {
    ASSERT_EQ(table_.OnFrame(HeaderFrom(5, 1000 + i), headers), nullptr);
  }
  ServedCall* call = table_.OnFrame(HeaderFrom(6, 1000), headers);
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->refusal().code(), core::Code::kResourceExhausted);
}

}  // namespace
}  // namespace ramet::stub
