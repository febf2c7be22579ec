#include "stub/pending_call.h"

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"

namespace ramet::stub {
namespace {

using google::protobuf::StringValue;

struct Fixture {
  std::shared_ptr<PendingResult> result = std::make_shared<PendingResult>();
  PendingCall<StringValue> call{result, "/a/b"};
};

std::string Bytes(const std::string& text) {
  StringValue value;
  value.set_value(text);
  return value.SerializeAsString();
}

TEST(PendingCallTest, WaitGivesTheParsedReply) {
  Fixture f;
  EXPECT_FALSE(f.call.Done());
  std::thread channel([&f] { f.result->Set(Bytes("hello")); });
  absl::StatusOr<StringValue> reply = f.call.Wait();
  channel.join();
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->value(), "hello");
  EXPECT_TRUE(f.call.Done());
}

TEST(PendingCallTest, WaitGivesTheCallsError) {
  Fixture f;
  f.result->Set(absl::UnavailableError("hop 2 died"));
  EXPECT_EQ(f.call.Wait().status(), absl::UnavailableError("hop 2 died"));
}

TEST(PendingCallTest, OutcomeIsTakenOnce) {
  Fixture f;
  f.result->Set(Bytes("hello"));
  EXPECT_TRUE(f.call.Wait().ok());
  EXPECT_EQ(f.call.Wait().status().code(),
            absl::StatusCode::kFailedPrecondition);
  absl::Status status;
  f.call.Then([&](absl::StatusOr<StringValue> r) { status = r.status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST(PendingCallTest, ThenRunsNowWhenTheCallIsOver) {
  Fixture f;
  f.result->Set(Bytes("hello"));
  std::string text;
  f.call.Then([&](absl::StatusOr<StringValue> r) { text = r->value(); });
  EXPECT_EQ(text, "hello");
}

TEST(PendingCallTest, ThenRunsLaterWhenTheCallIsUnderWay) {
  Fixture f;
  std::string text;
  f.call.Then([&](absl::StatusOr<StringValue> r) { text = r->value(); });
  EXPECT_EQ(text, "");
  f.result->Set(Bytes("hello"));
  EXPECT_EQ(text, "hello");
  EXPECT_TRUE(f.call.Done());
  EXPECT_EQ(f.call.Wait().status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(PendingCallTest, ReplyOfAnotherTypeIsAnInternalErrorThatNamesTheMethod) {
  Fixture f;
  f.result->Set(std::string("\x0a\xff"));
  const absl::Status status = f.call.Wait().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(status.message(),
            "/a/b: the reply's 2 bytes are not a google.protobuf.StringValue");
}

}  // namespace
}  // namespace ramet::stub
