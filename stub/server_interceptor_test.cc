// Interceptors around the probe service, for calls of all kinds.
#include "stub/server_interceptor.h"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "stub/loopback_channel.h"
#include "tests/probe/probe.ramet.h"
#include "tests/probe/probe_service.h"

namespace ramet::stub {
namespace {

using absl::StatusCode;
using ::probe::v1::CountReply;
using ::probe::v1::CountRequest;
using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::ProbeStub;
using ::probe::v1::SumRequest;

// Notes what passes it, refuses what has metadata "x-refuse", and signs.
class Recorder final : public ServerInterceptor {
 public:
  explicit Recorder(std::string name) : name_(std::move(name)) {}

  absl::Status Serve(const CallContext& context, const Next& next) override {
    Add(name_ + " " + context.method());
    if (context.FindMetadata("x-refuse") != nullptr) {
      return absl::PermissionDeniedError(name_ + " refuses");
    }
    if (context.FindMetadata("x-forget") != nullptr) return absl::OkStatus();
    absl::Status status = next();
    Add(name_ + " " + absl::StatusCodeToString(status.code()));
    EXPECT_TRUE(context.AddTrailingMetadata("x-by", name_));
    return status;
  }

  static std::vector<std::string> Take() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::move(lines_);
  }

 private:
  static void Add(std::string line) {
    std::lock_guard<std::mutex> lock(mutex_);
    lines_.push_back(std::move(line));
  }

  static std::mutex mutex_;
  static std::vector<std::string> lines_;
  const std::string name_;
};

std::mutex Recorder::mutex_;
std::vector<std::string> Recorder::lines_;

using Lines = std::vector<std::string>;

class ServerInterceptorTest : public testing::Test {
 protected:
  ServerInterceptorTest() { Recorder::Take(); }

  static Lines Around(const std::string& method, const std::string& code) {
    return {"a /probe.v1.Probe/" + method, "b /probe.v1.Probe/" + method,
            "b " + code, "a " + code};
  }

  ProbeStub stub_{LoopbackChannel::ContextFor(Intercepted(
      std::make_unique<ramet::probe::Probe>(),
      {std::make_shared<Recorder>("a"), std::make_shared<Recorder>("b")}))};
};

TEST_F(ServerInterceptorTest, WithoutAnyTheServiceIsTheSame) {
  auto service = std::make_unique<ramet::probe::Probe>();
  const Service* const before = service.get();
  EXPECT_EQ(Intercepted(std::move(service), {}).get(), before);
}

TEST_F(ServerInterceptorTest, RunsAroundMethodsOfAllKinds) {
  CallOptions options;
  options.reply_metadata = std::make_shared<ReplyMetadata>();
  EchoRequest fails;
  fails.set_error_code(15);
  EXPECT_EQ(stub_.Echo(fails, options).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Recorder::Take(), Around("Echo", "DATA_LOSS"));
  EXPECT_EQ(options.reply_metadata->trailing,
            (MetadataPairs{{"x-by", "b"}, {"x-by", "a"}}));

  CountRequest count;
  count.set_count(2);
  auto reader = stub_.Count(count);
  EXPECT_TRUE(reader.Finish().ok());
  EXPECT_EQ(Recorder::Take(), Around("Count", "OK"));
  EXPECT_EQ(reader.trailing_metadata().size(), 2u);

  auto writer = stub_.Sum();
  SumRequest request;
  request.set_number(5);
  writer.Write(request);
  EXPECT_EQ(writer.Finish()->sum(), 5);
  EXPECT_EQ(Recorder::Take(), Around("Sum", "OK"));

  auto both = stub_.EchoStream();
  EchoRequest hello;
  hello.set_payload("hello");
  EchoReply reply;
  EXPECT_TRUE(both.Write(hello));
  EXPECT_TRUE(both.Read(&reply));
  EXPECT_EQ(reply.payload(), "hello");
  EXPECT_TRUE(both.Finish().ok());
  EXPECT_EQ(Recorder::Take(), Around("EchoStream", "OK"));
}

TEST_F(ServerInterceptorTest, RefusesBeforeTheMethodRuns) {
  CallOptions options;
  options.metadata = {{"x-refuse", ""}};
  EXPECT_EQ(stub_.Echo({}, options).status().message(), "a refuses");
  EXPECT_EQ(stub_.Count({}, options).Finish().message(), "a refuses");
  EXPECT_EQ(stub_.Sum(options).Finish().status().message(), "a refuses");
  EXPECT_EQ(stub_.EchoStream(options).Finish().message(), "a refuses");
  EXPECT_EQ(Recorder::Take().size(), 4u);
  EXPECT_EQ(stub_.Info({})->calls(), 1);
}

TEST_F(ServerInterceptorTest, OneThatForgetsTheCallIsTold) {
  CallOptions options;
  options.metadata = {{"x-forget", ""}};
  const absl::Status status = stub_.Echo({}, options).status();
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_EQ(status.message(),
            "/probe.v1.Probe/Echo: an interceptor has neither served nor "
            "refused the call");
}

}  // namespace
}  // namespace ramet::stub
