#include "server/front_door.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "ramet/v1/contexts.grpc.pb.h"
#include "ramet/v1/modules.grpc.pb.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::server {
namespace {

using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;

constexpr char kEcho[] = "/probe.v1.Probe/Echo";

// A client of a front door that knows nothing of ramet but its metadata.
class FrontDoorTest : public testing::Test {
 protected:
  FrontDoorTest() {
    char name[] = "/tmp/ramet-front-door-test.XXXXXX";
    folder_ = mkdtemp(name);
    auto master = Master::Create();
    EXPECT_TRUE(master.ok()) << master.status();
    master_ = *std::move(master);
    EXPECT_TRUE(master_->LoadModuleFile("tests/probe/probe.rmod").ok());
    const std::string address = "unix:" + folder_ + "/door";
    DoorOptions options;
    options.listen = {address};
    auto door = FrontDoor::Listen(master_.get(), options);
    EXPECT_TRUE(door.ok()) << door.status();
    door_ = *std::move(door);
    channel_ = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  }
  ~FrontDoorTest() override {
    channel_.reset();
    door_.reset();
    rmdir(folder_.c_str());
  }

  struct Reply {
    grpc::Status status;
    std::string bytes;
  };
  Reply Call(const std::string& method, const std::string& request,
             grpc::ClientContext* context) {
    grpc::GenericStub stub(channel_);
    grpc::Slice slice(request);
    grpc::ByteBuffer request_buffer(&slice, 1);
    grpc::ByteBuffer reply_buffer;
    Reply reply;
    absl::Notification done;
    stub.UnaryCall(context, method, grpc::StubOptions(), &request_buffer,
                   &reply_buffer, [&](grpc::Status status) {
                     reply.status = std::move(status);
                     done.Notify();
                   });
    done.WaitForNotification();
    std::vector<grpc::Slice> slices;
    if (reply.status.ok() && reply_buffer.Dump(&slices).ok()) {
      for (const grpc::Slice& piece : slices) {
        reply.bytes.append(reinterpret_cast<const char*>(piece.begin()),
                           piece.size());
      }
    }
    return reply;
  }
  Reply CallTarget(const std::string& target, const std::string& method,
                   const EchoRequest& request) {
    grpc::ClientContext context;
    context.AddMetadata("ramet-target", target);
    return Call(method, request.SerializeAsString(), &context);
  }

  std::string folder_;
  std::unique_ptr<Master> master_;
  std::unique_ptr<FrontDoor> door_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(FrontDoorTest, ForwardsACallToTheTargetOfItsMetadata) {
  for (const char* target : {"local:", "local:/local:"}) {
    for (size_t size : {0u, 100u, 1u << 20}) {
      EchoRequest request;
      request.set_payload(std::string(size, 'p'));
      const Reply reply = CallTarget(target, kEcho, request);
      ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
      EchoReply parsed;
      ASSERT_TRUE(parsed.ParseFromString(reply.bytes));
      EXPECT_TRUE(parsed.payload() == request.payload());
    }
  }
  EXPECT_EQ(master_->List().size(), 2u) << "connected once and kept";
}

TEST_F(FrontDoorTest, CarriesCompressedMessagesBothWays) {
  EchoRequest request;
  request.set_payload(std::string(300'000, 'c'));
  request.set_compression(2);
  for (const auto algorithm :
       {GRPC_COMPRESS_NONE, GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
    grpc::ClientContext context;
    context.AddMetadata("ramet-target", "local:");
    context.set_compression_algorithm(algorithm);
    const Reply reply = Call(kEcho, request.SerializeAsString(), &context);
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    EchoReply parsed;
    ASSERT_TRUE(parsed.ParseFromString(reply.bytes));
    EXPECT_EQ(parsed.request_compressed(), algorithm != GRPC_COMPRESS_NONE);
    EXPECT_TRUE(parsed.payload() == request.payload());
  }
}

// The bytes of a compressed reply, as a client sees them that does not have
// gRPC decompress.
TEST_F(FrontDoorTest, CompressesForClientsThatTakeItOnly) {
  EchoRequest request;
  request.set_payload(std::string(300'000, 'c'));
  request.set_compression(2);
  for (const bool takes : {true, false}) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("grpc.per_message_decompression", 0);
    if (!takes) {
      arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
                       1 << GRPC_COMPRESS_NONE);
    }
    channel_ = grpc::CreateCustomChannel("unix:" + folder_ + "/door",
                                         grpc::InsecureChannelCredentials(),
                                         arguments);
    const Reply reply = CallTarget("local:", kEcho, request);
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    if (takes) {
      EXPECT_LT(reply.bytes.size(), 5000u);
      EXPECT_EQ(reply.bytes.substr(0, 2), "\x1f\x8b") << "gzip's magic";
    } else {
      EXPECT_GT(reply.bytes.size(), 300'000u);
    }
  }
}

TEST_F(FrontDoorTest, CarriesAMethodsError) {
  EchoRequest request;
  request.set_error_code(9);
  request.set_error_bytes(100);
  const Reply reply = CallTarget("local:", kEcho, request);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(reply.status.error_message(), std::string(100, 'e'));
}

TEST_F(FrontDoorTest, ShortensATextThatAStockClientCannotTake) {
  EchoRequest request;
  request.set_error_code(9);
  request.set_error_bytes(1 << 20);
  const Reply reply = CallTarget("local:", kEcho, request);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION)
      << reply.status.error_message();
  EXPECT_LT(reply.status.error_message().size(), 5000u);
  EXPECT_NE(reply.status.error_message().find("(1048576 bytes)"),
            std::string::npos);
}

TEST_F(FrontDoorTest, ACallWithoutATargetSaysWhatIsMissing) {
  grpc::ClientContext context;
  const Reply reply = Call(kEcho, "", &context);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(reply.status.error_message().find("ramet-target"),
            std::string::npos);
}

TEST_F(FrontDoorTest, RefusesBadTargetsAndUnknownMethods) {
  EXPECT_EQ(CallTarget("web1", kEcho, {}).status.error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(CallTarget("local:", "/probe.v1.Probe/No", {}).status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(CallTarget("local:", "/no.Service/No", {}).status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_TRUE(master_->List().empty());
}

TEST_F(FrontDoorTest, PassesTheDeadlineOn) {
  ASSERT_TRUE(CallTarget("local:", kEcho, {}).status.ok());
  EchoRequest request;
  request.set_wait_ms(60'000);
  grpc::ClientContext context;
  context.AddMetadata("ramet-target", "local:");
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(100));
  const Reply reply = Call(kEcho, request.SerializeAsString(), &context);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(FrontDoorTest, ACrashIsUnavailableAndNamesTheSignal) {
  ::probe::v1::CrashRequest request;
  request.set_signal(SIGABRT);
  grpc::ClientContext context;
  context.AddMetadata("ramet-target", "local:");
  const Reply reply =
      Call("/probe.v1.Probe/Crash", request.SerializeAsString(), &context);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_NE(reply.status.error_message().find("killed by signal 6"),
            std::string::npos)
      << reply.status.error_message();
}

TEST_F(FrontDoorTest, ServesContexts) {
  const auto contexts = v1::Contexts::NewStub(channel_);
  v1::ConnectRequest connect;
  connect.set_target("local:");
  v1::ContextInfo info;
  {
    grpc::ClientContext context;
    const grpc::Status status = contexts->Connect(&context, connect, &info);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_EQ(info.name(), "local:");
  EXPECT_TRUE(info.ready());
  EXPECT_NE(info.pid(), 0u);
  v1::ListReply list;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(contexts->List(&context, {}, &list).ok());
  }
  ASSERT_EQ(list.contexts_size(), 1);
  EXPECT_EQ(list.contexts(0).id(), info.id());
  v1::DisconnectRequest disconnect;
  disconnect.set_name("local:");
  v1::DisconnectReply nothing;
  {
    grpc::ClientContext context;
    EXPECT_TRUE(contexts->Disconnect(&context, disconnect, &nothing).ok());
  }
  {
    grpc::ClientContext context;
    EXPECT_EQ(contexts->Disconnect(&context, disconnect, &nothing).error_code(),
              grpc::StatusCode::NOT_FOUND);
  }
  connect.set_target("nonsense");
  grpc::ClientContext context;
  EXPECT_EQ(contexts->Connect(&context, connect, &info).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(FrontDoorTest, DescribesModules) {
  const auto modules = v1::Modules::NewStub(channel_);
  v1::DescribeRequest request;
  request.set_service("probe.v1.Probe");
  v1::DescribeReply reply;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(modules->Describe(&context, request, &reply).ok());
  }
  EXPECT_NE(reply.file_descriptor_set().find("EchoRequest"), std::string::npos);
  request.set_service("no.Service");
  grpc::ClientContext context;
  EXPECT_EQ(modules->Describe(&context, request, &reply).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(FrontDoorTest, HealthFollowsAContext) {
  using grpc::health::v1::HealthCheckResponse;
  const auto health = grpc::health::v1::Health::NewStub(channel_);
  grpc::health::v1::HealthCheckRequest request;
  HealthCheckResponse reply;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(health->Check(&context, request, &reply).ok());
    EXPECT_EQ(reply.status(), HealthCheckResponse::SERVING);
  }
  request.set_service("local:/probe.v1.Probe");
  {
    grpc::ClientContext context;
    EXPECT_EQ(health->Check(&context, request, &reply).error_code(),
              grpc::StatusCode::NOT_FOUND);
  }
  grpc::ClientContext context;
  const auto watch = health->Watch(&context, request);
  ASSERT_TRUE(watch->Read(&reply));
  EXPECT_EQ(reply.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  ASSERT_TRUE(master_->Connect("local:").ok());
  do {
    ASSERT_TRUE(watch->Read(&reply));
  } while (reply.status() == HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(reply.status(), HealthCheckResponse::SERVING);
  door_->Drain(absl::ZeroDuration());
  ASSERT_TRUE(watch->Read(&reply));
  EXPECT_EQ(reply.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&reply));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(FrontDoorTest, ReflectionKnowsBundlesAndItself) {
  const auto reflection =
      grpc::reflection::v1::ServerReflection::NewStub(channel_);
  grpc::ClientContext context;
  const auto stream = reflection->ServerReflectionInfo(&context);
  grpc::reflection::v1::ServerReflectionRequest request;
  grpc::reflection::v1::ServerReflectionResponse reply;
  for (const char* symbol : {"probe.v1.Probe.Echo", "ramet.v1.Contexts"}) {
    request.set_file_containing_symbol(symbol);
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_GT(reply.file_descriptor_response().file_descriptor_proto_size(), 0)
        << symbol;
  }
  request.set_file_containing_symbol("no.Such");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(FrontDoorTest, WatchTellsTheTreeAndThenItsChanges) {
  const auto contexts = v1::Contexts::NewStub(channel_);
  ASSERT_TRUE(master_->Connect("local:a").ok());
  grpc::ClientContext context;
  const auto watch = contexts->Watch(&context, {});
  v1::WatchReply reply;
  ASSERT_TRUE(watch->Read(&reply));
  ASSERT_EQ(reply.snapshot().contexts_size(), 1);
  EXPECT_EQ(reply.snapshot().contexts(0).name(), "local:a");
  ASSERT_TRUE(master_->Disconnect("local:a", absl::ZeroDuration()).ok());
  ASSERT_TRUE(watch->Read(&reply));
  EXPECT_EQ(reply.change().kind(), v1::ContextChange::LOST);
  context.TryCancel();
  EXPECT_FALSE(watch->Read(&reply));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(FrontDoorTest, ConnectTellsHowFarItIs) {
  const auto contexts = v1::Contexts::NewStub(channel_);
  v1::ConnectRequest request;
  request.set_target("local:/local:");
  grpc::ClientContext context;
  const auto stream = contexts->ConnectWithProgress(&context, request);
  v1::ConnectProgress progress;
  std::vector<std::string> ready;
  while (stream->Read(&progress)) {
    if (progress.phase().phase() == "ready") {
      ready.push_back(progress.phase().context());
    }
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(ready, (std::vector<std::string>{"local:", "local:/local:"}));
  EXPECT_EQ(progress.connected().name(), "local:/local:");
}

TEST_F(FrontDoorTest, StreamsEndWithTheDoor) {
  const auto contexts = v1::Contexts::NewStub(channel_);
  grpc::ClientContext watch_context;
  grpc::ClientContext logs_context;
  const auto watch = contexts->Watch(&watch_context, {});
  const auto logs = contexts->Logs(&logs_context, {});
  v1::WatchReply first;
  ASSERT_TRUE(watch->Read(&first));
  logs->WaitForInitialMetadata();
  door_.reset();
  v1::LogLine line;
  EXPECT_FALSE(watch->Read(&first));
  EXPECT_FALSE(logs->Read(&line));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(logs->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(FrontDoorTest, ClosesWithCallsThatAreOut) {
  ASSERT_TRUE(CallTarget("local:", kEcho, {}).status.ok());
  EchoRequest request;
  request.set_wait_ms(60'000);
  grpc::ClientContext context;
  context.AddMetadata("ramet-target", "local:");
  grpc::GenericStub stub(channel_);
  grpc::Slice slice(request.SerializeAsString());
  grpc::ByteBuffer request_buffer(&slice, 1);
  grpc::ByteBuffer reply_buffer;
  grpc::Status status;
  absl::Notification done;
  stub.UnaryCall(&context, kEcho, grpc::StubOptions(), &request_buffer,
                 &reply_buffer, [&](grpc::Status result) {
                   status = std::move(result);
                   done.Notify();
                 });
  // Behind it on the same connection, so that it has begun.
  ASSERT_TRUE(CallTarget("local:", kEcho, {}).status.ok());
  door_.reset();
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(absl::Seconds(60)));
  EXPECT_FALSE(status.ok());
  EXPECT_NE(access((folder_ + "/door").c_str(), F_OK), 0);
}

TEST_F(FrontDoorTest, TheMasterMayGoAfterTheDoor) {
  EchoRequest request;
  request.set_payload("x");
  ASSERT_TRUE(CallTarget("local:", kEcho, request).status.ok());
  door_.reset();
  master_.reset();
  EXPECT_EQ(CallTarget("local:", kEcho, request).status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace ramet::server
