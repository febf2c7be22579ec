// A real module process with interceptors and options of services, with the
// test in its agent's place.
#include <gtest/gtest.h>

#include <string>

#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "stub/module_runtime.h"
#include "tests/probe/fake_agent.h"
#include "tests/probe/probe.pb.h"

namespace ramet::stub {
namespace {

using ::probe::v1::CallOutRequest;
using ::probe::v1::EchoRequest;
using ramet::probe::FakeAgent;

constexpr char kProgram[] = "tests/probe/intercepted_program";
constexpr uint32_t kOk = 0;
constexpr uint32_t kCancelled = 1;
constexpr uint32_t kPermissionDenied = 7;
constexpr uint32_t kResourceExhausted = 8;
constexpr char kTraceparent[] =
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class ModuleInterceptorTest : public testing::Test {
 protected:
  ModuleInterceptorTest() { agent_.Greet(); }

  FakeAgent::Reply CallWith(const std::string& method,
                            const std::string& request,
                            std::vector<core::Metadata> metadata) {
    const core::HandleId handle = ++last_handle_;
    agent_.Begin(handle, method, 0, core::kMasterId, std::move(metadata));
    agent_.Message(handle, request);
    agent_.End(handle);
    return agent_.WaitForReply();
  }

  FakeAgent agent_{kProgram};
  core::HandleId last_handle_ = 2000;
};

TEST_F(ModuleInterceptorTest, SeesUnaryAndStreamingCalls) {
  for (const char* method : {"/probe.v1.Open/Echo", "/probe.v1.Open/EchoStream",
                             "/probe.v1.Open/Count", "/probe.v1.Open/Sum"}) {
    FakeAgent::Reply reply = CallWith(method, "", {});
    EXPECT_EQ(reply.trailers.code, kOk) << reply.trailers.message;
    ASSERT_EQ(reply.trailers.metadata.size(), 1u);
    EXPECT_EQ(reply.trailers.metadata[0].value,
              std::string(method) + " by 0 for 0: OK");
    reply = CallWith(method, "", {{"x-refuse", ""}});
    EXPECT_EQ(reply.trailers.code, kPermissionDenied);
    EXPECT_EQ(reply.trailers.message, "refused by an interceptor");
    EXPECT_TRUE(reply.messages.empty());
  }
}

TEST_F(ModuleInterceptorTest, OwnCallsCarryTheTraceContextOfTheServedOne) {
  CallOutRequest request;
  request.set_target(CallOutRequest::PARENT);
  for (const bool free : {false, true}) {
    request.set_free(free);
    for (const auto method : {CallOutRequest::ECHO, CallOutRequest::STREAM}) {
      request.set_method(method);
      const core::HandleId handle = ++last_handle_;
      agent_.Begin(handle, "/probe.v1.Probe/CallOut", 0, core::kMasterId,
                   {{"traceparent", kTraceparent},
                    {"x-other", "stays here"},
                    {"tracestate", "a=1"}});
      agent_.Message(handle, request.SerializeAsString());
      agent_.End(handle);
      FakeAgent::Frame frame;
      do {
        ASSERT_TRUE(agent_.ReceiveFrame(&frame));
      } while (!core::HasPart(frame.payload, core::PartKind::kHeaders));
      core::PartReader reader(frame.payload);
      core::Part part;
      core::CallHeaders headers;
      ASSERT_TRUE(reader.Next(&part));
      ASSERT_TRUE(core::ParseControl(part.bytes, &headers));
      ASSERT_EQ(headers.metadata.size(), 2u);
      EXPECT_EQ(headers.metadata[0].key, "traceparent");
      EXPECT_EQ(headers.metadata[0].value, kTraceparent);
      EXPECT_EQ(headers.metadata[1].key, "tracestate");
      EXPECT_EQ(headers.metadata[1].value, "a=1");
    }
  }
}

TEST_F(ModuleInterceptorTest, OptionsOfServicesComeInPlaceOfTheProtos) {
  EchoRequest waits;
  waits.set_wait_ms(3'600'000);
  agent_.Call(1500, "/probe.v1.Limited/Echo", waits.SerializeAsString());
  const FakeAgent::Reply refused =
      agent_.CallAndWait("/probe.v1.Limited/Echo", "");
  EXPECT_EQ(refused.trailers.code, kResourceExhausted);
  EXPECT_EQ(refused.trailers.message,
            "service probe.v1.Limited serves 1 calls at a time "
            "(max_concurrent_calls), and as many wait as may: 0 "
            "(max_queued_calls); try again when some are over");
  agent_.Cancel(1500);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kCancelled);
}

}  // namespace
}  // namespace ramet::stub
