// The client of a front door, with a gRPC server of the test in its place.
#include "clients/cc/front_door_channel.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "core/wire/call_parts.h"
#include "stub/call_chain.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::clients {
namespace {

using absl::StatusCode;
using ::probe::v1::CountReply;
using ::probe::v1::CountRequest;
using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::ProbeStub;

constexpr absl::Duration kHangs = absl::Seconds(60);

// What a call that came looks like, and what it is answered with.
struct Seen {
  std::string method;
  std::multimap<std::string, std::string> metadata;
};
struct Plan {
  std::vector<std::string> replies;
  grpc::Status status;
  bool silent = false;  // never answers
};

// One call at the fake door: reads everything, then answers by the plan.
class FakeCall final : public grpc::ServerGenericBidiReactor {
 public:
  FakeCall(Plan plan, absl::Mutex* mutex, int* written)
      : plan_(std::move(plan)), mutex_(mutex), written_(written) {
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) return StartRead(&request_);
    if (!plan_.silent) WriteNext();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    {
      absl::MutexLock lock(mutex_);
      ++*written_;
    }
    WriteNext();
  }
  void WriteNext() {
    if (next_ == plan_.replies.size()) return Finish(plan_.status);
    grpc::Slice slice(plan_.replies[next_++]);
    reply_ = grpc::ByteBuffer(&slice, 1);
    StartWrite(&reply_);
  }
  void OnCancel() override {
    if (plan_.silent) Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

  const Plan plan_;
  absl::Mutex* const mutex_;
  int* const written_;
  size_t next_ = 0;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer reply_;
};

class FakeDoor final : public grpc::CallbackGenericService {
 public:
  void Start(const std::string& address) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  ~FakeDoor() override {
    if (server_ != nullptr) server_->Shutdown(absl::ToChronoTime(absl::Now()));
  }

  void set_plan(Plan plan) {
    absl::MutexLock lock(&mutex_);
    plan_ = std::move(plan);
  }
  std::vector<Seen> Take() {
    absl::MutexLock lock(&mutex_);
    return std::move(seen_);
  }
  int written() {
    absl::MutexLock lock(&mutex_);
    return written_;
  }

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    Seen seen{context->method(), {}};
    for (const auto& [key, value] : context->client_metadata()) {
      seen.metadata.emplace(std::string(key.data(), key.size()),
                            std::string(value.data(), value.size()));
    }
    absl::MutexLock lock(&mutex_);
    seen_.push_back(std::move(seen));
    return new FakeCall(plan_, &mutex_, &written_);
  }

  std::unique_ptr<grpc::Server> server_;
  absl::Mutex mutex_;
  Plan plan_ ABSL_GUARDED_BY(mutex_);
  std::vector<Seen> seen_ ABSL_GUARDED_BY(mutex_);
  int written_ ABSL_GUARDED_BY(mutex_) = 0;
};

class FrontDoorChannelTest : public testing::Test {
 protected:
  FrontDoorChannelTest() {
    char name[] = "/tmp/ramet-door-channel-test.XXXXXX";
    folder_ = mkdtemp(name);
    address_ = "unix:" + folder_ + "/door";
    stub_ = std::make_unique<ProbeStub>(
        FrontDoorContext(ConnectFrontDoor(address_), "ssh:web1"));
  }
  ~FrontDoorChannelTest() override {
    unlink((folder_ + "/door").c_str());
    rmdir(folder_.c_str());
  }

  static std::string EchoOf(const std::string& payload) {
    EchoReply reply;
    reply.set_payload(payload);
    return reply.SerializeAsString();
  }
  static stub::CallOptions Limit(absl::Duration timeout = kHangs) {
    stub::CallOptions options;
    options.timeout = timeout;
    return options;
  }
  static std::string Value(const Seen& seen, const std::string& key) {
    const auto found = seen.metadata.find(key);
    return found == seen.metadata.end() ? "none" : found->second;
  }

  std::string folder_;
  std::string address_;
  FakeDoor door_;
  std::unique_ptr<ProbeStub> stub_;
};

TEST_F(FrontDoorChannelTest, SendsTargetMetadataAndOptions) {
  door_.Start(address_);
  door_.set_plan({{EchoOf("there")}, grpc::Status::OK});
  stub::CallOptions options = Limit();
  options.metadata = {{"x-user", "ada"}};
  options.max_reply_bytes = 9'000'000;
  const auto reply = stub_->Echo({}, options);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->payload(), "there");
  const std::vector<Seen> seen = door_.Take();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].method, "/probe.v1.Probe/Echo");
  EXPECT_EQ(Value(seen[0], "ramet-target"), "ssh:web1");
  EXPECT_EQ(Value(seen[0], "x-user"), "ada");
  EXPECT_EQ(Value(seen[0], "ramet-max-reply-bytes"), "9000000");
  EXPECT_GT(std::stoll(Value(seen[0], "ramet-timeout-us")), 1'000'000);
  EXPECT_EQ(Value(seen[0], "ramet-wait-for-ready"), "none");
  EXPECT_EQ(Value(seen[0], "ramet-chain"), "none");
}

TEST_F(FrontDoorChannelTest, CallsOfAChainSayTheirPlaces) {
  door_.Start(address_);
  door_.set_plan({{EchoOf("")}, grpc::Status::OK});
  stub::CallChain chain;
  ASSERT_TRUE(stub_->Echo({}, chain.Options(Limit())).ok());
  ASSERT_TRUE(stub_->Echo({}, chain.Options(Limit())).ok());
  chain.Reset();
  ASSERT_TRUE(stub_->Echo({}, chain.Options(Limit())).ok());
  const std::vector<Seen> seen = door_.Take();
  ASSERT_EQ(seen.size(), 3u);
  const std::string first = Value(seen[0], "ramet-chain");
  const std::string id = first.substr(0, first.find(':'));
  // Index, epoch, known to be OK; number, known to be over.
  EXPECT_EQ(first, id + ":0:0:0:0:0");
  EXPECT_EQ(Value(seen[1], "ramet-chain"), id + ":1:0:1:1:1");
  EXPECT_EQ(Value(seen[2], "ramet-chain"), id + ":0:1:0:2:2");
}

TEST_F(FrontDoorChannelTest, ErrorsComeWithTheirDetails) {
  door_.Start(address_);
  door_.set_plan(
      {{}, grpc::Status(grpc::StatusCode::DATA_LOSS, "disk", "details")});
  const absl::Status status = stub_->Echo({}, Limit()).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "disk");
  EXPECT_TRUE(
      status.GetPayload("type.googleapis.com/google.rpc.Status").has_value());
}

TEST_F(FrontDoorChannelTest, UnaryCallNeedsOneReply) {
  door_.Start(address_);
  door_.set_plan({{}, grpc::Status::OK});
  EXPECT_EQ(stub_->Echo({}, Limit()).status().code(), StatusCode::kInternal);
  door_.set_plan({{EchoOf("a"), EchoOf("b")}, grpc::Status::OK});
  EXPECT_EQ(stub_->Echo({}, Limit()).status().code(), StatusCode::kInternal);
}

TEST_F(FrontDoorChannelTest, UnaryRequestAndReplyMayBeLargerThanTheWindow) {
  door_.Start(address_);
  const std::string large(core::kInitialWindowBytes + 1, 'l');
  door_.set_plan({{EchoOf(large)}, grpc::Status::OK});
  EchoRequest request;
  request.set_payload(large);
  const auto reply = stub_->Echo(request, Limit());
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->payload().size(), large.size());
}

TEST_F(FrontDoorChannelTest, EndOfRequestsIsSentWhenTheyAre) {
  door_.Start(address_);
  door_.set_plan({{""}, grpc::Status::OK});
  ::probe::v1::SumRequest request;
  for (int i = 0; i < 200; ++i) {
    auto writer = stub_->Sum(Limit());
    // The end is said while they are being written.
    for (int n = 0; n < i % 4; ++n) writer.Write(request);
    ASSERT_TRUE(writer.Finish().ok());
  }
}

TEST_F(FrontDoorChannelTest, MasterThatDoesNotAnswerIsNamed) {
  door_.Start(address_);
  Plan plan;
  plan.silent = true;
  door_.set_plan(plan);
  const absl::Status status =
      stub_->Echo({}, Limit(absl::Milliseconds(100))).status();
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(status.message(),
            "call failed: /probe.v1.Probe/Echo in ssh:web1 (phase front "
            "door): no answer from the master within 100 ms");
}

TEST_F(FrontDoorChannelTest, ReadsNoFurtherThanItsWindow) {
  door_.Start(address_);
  constexpr int kReplies = 40;
  // More than HTTP/2's own windows can grow to.
  constexpr size_t kReplyBytes = 1'000'000;
  CountReply reply;
  reply.set_payload(std::string(kReplyBytes, 'r'));
  door_.set_plan({std::vector<std::string>(kReplies, reply.SerializeAsString()),
                  grpc::Status::OK});
  auto reader = stub_->Count({}, Limit());
  CountReply got;
  ASSERT_TRUE(reader.Read(&got));
  // What gRPC, HTTP/2 and this side keep is less than all of it.
  EXPECT_LT(door_.written(), kReplies);
  int count = 1;
  while (reader.Read(&got)) ++count;
  EXPECT_TRUE(reader.Finish().ok());
  EXPECT_EQ(count, kReplies);
}

TEST_F(FrontDoorChannelTest, CancelEndsACallThatNobodyReads) {
  door_.Start(address_);
  CountReply reply;
  reply.set_payload(std::string(1'000'000, 'r'));
  door_.set_plan({std::vector<std::string>(20, reply.SerializeAsString()),
                  grpc::Status::OK});
  auto reader = stub_->Count({}, Limit());
  CountReply got;
  ASSERT_TRUE(reader.Read(&got));
  reader.Cancel();
  EXPECT_FALSE(reader.Read(&got));
  EXPECT_EQ(reader.Finish().code(), StatusCode::kCancelled);
}

TEST_F(FrontDoorChannelTest, WaitsForADoorOnlyWhenToldTo) {
  EXPECT_EQ(stub_->Echo({}, Limit()).status().code(), StatusCode::kUnavailable);
  stub::CallOptions options = Limit();
  options.wait_for_ready = true;
  auto pending = stub_->StartEcho({}, options);
  door_.set_plan({{EchoOf("late")}, grpc::Status::OK});
  door_.Start(address_);
  const auto reply = pending.Wait();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->payload(), "late");
  EXPECT_EQ(Value(door_.Take().at(0), "ramet-wait-for-ready"), "true");
}

// The channel goes on one of gRPC's own threads, when nothing else is left that
// uses gRPC's callbacks. Without KeepCallbackThreads() that corrupts memory.
TEST_F(FrontDoorChannelTest, ACallMayOutliveItsChannelAndAllElse) {
  for (int i = 0; i < 100; ++i) {
    const std::string address = address_ + std::to_string(i);
    auto door = std::make_unique<FakeDoor>();
    door->Start(address);
    door->set_plan({{EchoOf("there")}, grpc::Status::OK});
    auto channel = ConnectFrontDoor(address);
    const std::weak_ptr<grpc::Channel> alive = channel;
    // The callback's, too, which may run longer than this test waits.
    const auto replied = std::make_shared<absl::Notification>();
    const auto released = std::make_shared<absl::Notification>();
    FrontDoorChannel(std::move(channel), "ssh:web1")
        .StartUnary("/probe.v1.Probe/Echo", "", Limit(),
                    [replied, released](absl::StatusOr<std::string> reply) {
                      EXPECT_TRUE(reply.ok()) << reply.status();
                      replied->Notify();
                      released->WaitForNotificationWithTimeout(kHangs);
                    });
    ASSERT_TRUE(replied->WaitForNotificationWithTimeout(kHangs));
    door.reset();
    EXPECT_FALSE(alive.expired());
    released->Notify();
    const absl::Time end = absl::Now() + kHangs;
    while (!alive.expired() && absl::Now() < end) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    EXPECT_TRUE(alive.expired());
    unlink((folder_ + "/door" + std::to_string(i)).c_str());
  }
}

}  // namespace
}  // namespace ramet::clients
