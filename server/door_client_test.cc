// Typed stubs through a front door: to contexts, and to what the master itself
// serves.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "clients/cc/front_door_channel.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "ramet/v1/modules.grpc.pb.h"
#include "server/front_door.h"
#include "server/master.h"
#include "stub/call_chain.h"
#include "tests/probe/limited_service.h"
#include "tests/probe/open_service.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::server {
namespace {

using absl::StatusCode;
using ::probe::v1::CountReply;
using ::probe::v1::CountRequest;
using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::LimitedStub;
using ::probe::v1::OpenStub;
using ::probe::v1::ProbeStub;
using ::probe::v1::SumRequest;

// Nothing in here waits for this long unless it hangs.
constexpr absl::Duration kHangs = absl::Seconds(60);

// Says how often it was called, and for whom.
class Guard final : public stub::ServerInterceptor {
 public:
  absl::Status Serve(const stub::CallContext& context,
                     const Next& next) override {
    absl::Status status = next();
    context.AddTrailingMetadata("x-guard",
                                std::to_string(context.caller().id) + " " +
                                    std::to_string(context.caller().authority));
    return status;
  }
};

class DoorClientTest : public testing::Test {
 protected:
  DoorClientTest() {
    char name[] = "/tmp/ramet-door-client-test.XXXXXX";
    folder_ = mkdtemp(name);
    MasterOptions options;
    options.interceptors = {std::make_shared<Guard>()};
    auto master = Master::Create(std::move(options));
    EXPECT_TRUE(master.ok()) << master.status();
    master_ = *std::move(master);
    EXPECT_TRUE(master_->AddService(std::make_unique<probe::Open>()).ok());
    DoorOptions door_options;
    door_options.listen = {"unix:" + folder_ + "/door"};
    auto door = FrontDoor::Listen(master_.get(), door_options);
    EXPECT_TRUE(door.ok()) << door.status();
    door_ = *std::move(door);
    channel_ = clients::ConnectFrontDoor(door_options.listen[0]);
  }
  ~DoorClientTest() override {
    channel_.reset();
    door_.reset();
    rmdir(folder_.c_str());
  }

  void LoadProbe() {
    EXPECT_TRUE(master_->LoadModuleFile("tests/probe/probe.rmod").ok());
  }
  stub::Context To(const std::string& target) {
    return clients::FrontDoorContext(channel_, target);
  }
  static stub::CallOptions Limit(absl::Duration timeout = kHangs) {
    stub::CallOptions options;
    options.timeout = timeout;
    return options;
  }
  // Until so many methods of the master's run; they have no other way to say
  // so.
  static bool WaitUntilRunning(int64_t count) {
    const absl::Time end = absl::Now() + kHangs;
    while (probe::Open::running() != count && absl::Now() < end) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    return probe::Open::running() == count;
  }
  static EchoRequest Hello() {
    EchoRequest request;
    request.set_payload("hello");
    return request;
  }
  grpc::health::v1::HealthCheckResponse::ServingStatus Health(
      const std::string& name) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    grpc::health::v1::HealthCheckResponse reply;
    request.set_service(name);
    const grpc::Status status =
        grpc::health::v1::Health::NewStub(channel_)->Check(&context, request,
                                                           &reply);
    return status.ok() ? reply.status()
                       : grpc::health::v1::HealthCheckResponse::SERVICE_UNKNOWN;
  }

  std::string folder_;
  std::unique_ptr<Master> master_;
  std::unique_ptr<FrontDoor> door_;
  std::shared_ptr<grpc::Channel> channel_;
};

void ExpectServesAllKinds(const stub::Context& context,
                          const stub::CallOptions& limit) {
  const OpenStub open(context);
  stub::CallOptions options = limit;
  options.reply_metadata = std::make_shared<stub::ReplyMetadata>();
  EchoRequest hello;
  hello.set_payload("hello");
  const auto echo = open.Echo(hello, options);
  ASSERT_TRUE(echo.ok()) << echo.status();
  EXPECT_EQ(echo->payload(), "hello");
  EXPECT_EQ(options.reply_metadata->trailing,
            (stub::MetadataPairs{{"x-guard", "0 0"}}));

  CountRequest count;
  count.set_count(500);
  count.set_reply_bytes(10'000);  // many windows
  auto reader = open.Count(count, limit);
  CountReply reply;
  int64_t replies = 0;
  while (reader.Read(&reply)) EXPECT_EQ(reply.index(), replies++);
  EXPECT_TRUE(reader.Finish().ok());
  EXPECT_EQ(replies, 500);

  auto writer = open.Sum(limit);
  SumRequest number;
  number.set_number(2);
  number.set_payload(std::string(10'000, 'n'));
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(writer.Write(number));
  const auto sum = writer.Finish();
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ(sum->sum(), 600);

  auto both = open.EchoStream(limit);
  EchoReply echoed;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(both.Write(hello));
    ASSERT_TRUE(both.Read(&echoed));
    EXPECT_EQ(echoed.payload(), "hello");
  }
  EXPECT_TRUE(both.Finish().ok());
}

TEST_F(DoorClientTest, MasterServesItsOwnServicesOfAllKinds) {
  ExpectServesAllKinds(To("master"), Limit());
  // To its own program, too, in the same way.
  const auto own = master_->Connect("master");
  ASSERT_TRUE(own.ok()) << own.status();
  ExpectServesAllKinds(*own, Limit());
  // What is for those above the master is for its clients.
  const auto who = OpenStub(To("master")).Above({}, Limit());
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(who->pid(), getpid());
}

TEST_F(DoorClientTest, MastersMethodsEndWithTheirCalls) {
  const OpenStub open(To("master"));
  EchoRequest waits;
  waits.set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  const int64_t before = probe::Open::cancelled();
  EXPECT_EQ(open.Echo(waits, Limit(absl::Milliseconds(50))).status().code(),
            StatusCode::kDeadlineExceeded);
  ASSERT_TRUE(WaitUntilRunning(0));
  auto stream = open.EchoStream(Limit());
  ASSERT_TRUE(stream.Write(waits));
  ASSERT_TRUE(WaitUntilRunning(1));
  stream.Cancel();
  EXPECT_EQ(stream.Finish().code(), StatusCode::kCancelled);
  ASSERT_TRUE(WaitUntilRunning(0));
  EXPECT_EQ(probe::Open::cancelled(), before + 2);
  EchoRequest fails;
  fails.set_error_code(15);
  fails.set_error_bytes(3);
  EXPECT_EQ(open.Echo(fails, Limit()).status(), absl::DataLossError("eee"));
}

TEST_F(DoorClientTest, WhatTheMasterDoesNotServeIsUnimplemented) {
  const absl::Status status =
      ProbeStub(To("master")).Echo({}, Limit()).status();
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(),
            "unknown method /probe.v1.Probe/Echo in context master");
  stub::CallChain chain;
  EXPECT_EQ(OpenStub(To("master")).Echo({}, chain.Options()).status().code(),
            StatusCode::kUnimplemented);
}

TEST_F(DoorClientTest, HealthReflectionAndDescriptorsKnowTheMastersServices) {
  using Response = grpc::health::v1::HealthCheckResponse;
  EXPECT_EQ(Health("master"), Response::SERVING);
  EXPECT_EQ(Health("probe.v1.Open"), Response::SERVING);
  EXPECT_EQ(Health("master/probe.v1.Open"), Response::SERVING);
  EXPECT_EQ(Health("master/probe.v1.Limited"), Response::SERVICE_UNKNOWN);
  EXPECT_EQ(Health("probe.v1.Limited"), Response::SERVICE_UNKNOWN);
  ASSERT_TRUE(master_->AddService(std::make_unique<probe::Limited>()).ok());
  EXPECT_EQ(Health("master/probe.v1.Limited"), Response::SERVING);
  LoadProbe();
  EXPECT_EQ(Health("master/probe.v1.Probe"), Response::SERVICE_UNKNOWN);

  grpc::ClientContext context;
  const auto stream = grpc::reflection::v1::ServerReflection::NewStub(channel_)
                          ->ServerReflectionInfo(&context);
  grpc::reflection::v1::ServerReflectionRequest ask;
  grpc::reflection::v1::ServerReflectionResponse answer;
  ask.set_list_services("");
  ASSERT_TRUE(stream->Write(ask));
  ASSERT_TRUE(stream->Read(&answer));
  int times = 0;
  for (const auto& service : answer.list_services_response().service()) {
    if (service.name() == "probe.v1.Open") ++times;
  }
  EXPECT_EQ(times, 1) << "the bundle has it, too";
  ask.set_file_containing_symbol("probe.v1.Open");
  ASSERT_TRUE(stream->Write(ask));
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_GE(answer.file_descriptor_response().file_descriptor_proto_size(), 1);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());

  grpc::ClientContext describe;
  v1::DescribeRequest request;
  v1::DescribeReply reply;
  request.set_service("probe.v1.Limited");
  EXPECT_TRUE(v1::Modules::NewStub(channel_)
                  ->Describe(&describe, request, &reply)
                  .ok());
  google::protobuf::FileDescriptorSet files;
  ASSERT_TRUE(files.ParseFromString(reply.file_descriptor_set()));
  EXPECT_GE(files.file_size(), 2);
}

TEST_F(DoorClientTest, ChainsKeepTheirOrderAndStopAtAFailure) {
  LoadProbe();
  const ProbeStub probe(To("local:/local:"));
  ASSERT_TRUE(probe.Info({}).ok());
  constexpr int kCalls = 200;
  constexpr int kFails = 120;
  for (int round = 0; round < 5; ++round) {
    stub::CallChain chain;
    std::vector<stub::PendingCall<EchoReply>> calls;
    const int64_t before = probe.Info({})->calls();
    for (int i = 0; i < kCalls; ++i) {
      EchoRequest request;
      // Large and small ones, which overtake each other where they can.
      request.set_payload(std::string(i % 7 == 0 ? 300'000 : 10, 'x'));
      if (i == kFails) request.set_error_code(15);
      calls.push_back(probe.StartEcho(request, chain.Options(Limit())));
    }
    for (int i = 0; i < kCalls; ++i) {
      const absl::Status status = calls[i].Wait().status();
      EXPECT_EQ(status.code(),
                i < kFails ? StatusCode::kOk : StatusCode::kDataLoss)
          << i << " " << status;
    }
    EXPECT_EQ(chain.status().code(), StatusCode::kDataLoss);
    // Nothing behind the failure has run.
    EXPECT_EQ(probe.Info({})->calls(), before + kFails + 2);
    chain.Reset();
    EXPECT_TRUE(probe.Echo(Hello(), chain.Options(Limit())).ok());
  }
}

TEST_F(DoorClientTest, ChainsGoOnBehindOneThatWasGivenUp) {
  LoadProbe();
  const ProbeStub probe(To("local:"));
  ASSERT_TRUE(probe.Info({}).ok());
  stub::CallChain chain;
  EchoRequest waits;
  waits.set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  EXPECT_EQ(probe.Echo(waits, chain.Options(Limit(absl::Milliseconds(50))))
                .status()
                .code(),
            StatusCode::kDeadlineExceeded);
  EXPECT_EQ(probe.Echo({}, chain.Options(Limit())).status().code(),
            StatusCode::kDeadlineExceeded);
  chain.Reset();
  EXPECT_TRUE(probe.Echo({}, chain.Options(Limit())).ok());
}

TEST_F(DoorClientTest, RepliesAreAsLongAsCallerAndServiceWant) {
  LoadProbe();
  EchoRequest request;
  constexpr size_t kBytes = 6 * 1024 * 1024;
  request.set_reply_bytes(kBytes);
  const auto own = master_->Open("local:");
  ASSERT_TRUE(own.ok());
  for (const stub::Context& context : {To("local:"), *own}) {
    const LimitedStub limited(context);
    EXPECT_EQ(limited.Echo(request, Limit()).status().code(),
              StatusCode::kResourceExhausted);
    stub::CallOptions options = Limit();
    options.max_reply_bytes = 7 * 1024 * 1024;
    for (const auto compression :
         {stub::Compression::kNone, stub::Compression::kGzip}) {
      options.compression = compression;
      const auto reply = limited.Echo(request, options);
      ASSERT_TRUE(reply.ok()) << reply.status();
      EXPECT_EQ(reply->payload().size(), kBytes);
    }
    options.compression = stub::Compression::kNone;
    // The service's limit holds as well.
    EXPECT_EQ(OpenStub(context).Echo(request, options).status().message(),
              "reply of 6291461 bytes is longer than the limit of 4194304 "
              "bytes");
  }
}

TEST_F(DoorClientTest, PassedDeadlineNamesHopAndPhase) {
  LoadProbe();
  const ProbeStub probe(To("local:/local:"));
  ASSERT_TRUE(probe.Info({}).ok());
  EchoRequest waits;
  waits.set_wait_ms(absl::ToInt64Milliseconds(kHangs));
  const absl::Status status =
      probe.Echo(waits, Limit(absl::Milliseconds(100))).status();
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_NE(status.message().find(
                "call failed: /probe.v1.Probe/Echo in local:/local: (phase "
                "call): not done within "),
            std::string::npos)
      << status;
}

TEST_F(DoorClientTest, BadMetadataIsTheClientsFault) {
  LoadProbe();
  stub::CallOptions options = Limit();
  options.metadata = {{"ramet-chain", "x"}};
  const absl::Status status =
      ProbeStub(To("local:")).Echo({}, options).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("ramet-chain"), std::string::npos);
}

}  // namespace
}  // namespace ramet::server
