#include "stub/call_chain.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "stub/loopback_channel.h"
#include "tests/probe/probe.ramet.h"
#include "tests/probe/probe_service.h"

namespace ramet::stub {
namespace {

using ::probe::v1::EchoRequest;
using ::probe::v1::ProbeStub;

// Keeps calls until the test answers them.
class HeldChannel : public Channel {
 public:
  struct Held {
    ChainPosition position;
    DoneCallback done;
  };

  void StartUnary(std::string method, std::string request,
                  const CallOptions& options, DoneCallback done) override {
    held.push_back({options.chain_position, std::move(done)});
  }
  std::shared_ptr<RawCall> StartCall(
      std::string method, const CallOptions& options,
      std::shared_ptr<RawCallListener> listener) override {
    listener->OnEnd({absl::UnimplementedError(method), {}});
    return nullptr;
  }
  bool keeps_order() const override { return ordered; }

  std::vector<Held> held;
  bool ordered = true;
};

class CallChainTest : public testing::Test {
 protected:
  PendingCall<::probe::v1::EchoReply> Start() {
    return stub_.StartEcho({}, chain_.Options());
  }
  void Answer(size_t i, absl::StatusOr<std::string> reply) {
    channel_->held[i].done(std::move(reply));
  }
  void ExpectPosition(size_t i, uint32_t epoch, uint64_t index,
                      uint64_t known_ok) {
    ASSERT_LT(i, channel_->held.size());
    const ChainPosition& position = channel_->held[i].position;
    EXPECT_NE(position.id, 0u);
    EXPECT_EQ(position.id, channel_->held[0].position.id);
    EXPECT_EQ(position.epoch, epoch);
    EXPECT_EQ(position.index, index);
    EXPECT_EQ(position.known_ok, known_ok);
  }

  std::shared_ptr<HeldChannel> channel_ = std::make_shared<HeldChannel>();
  ProbeStub stub_{Context(channel_, "held")};
  CallChain chain_;
};

TEST_F(CallChainTest, CallsAreSentAtOnceWithTheirPlaces) {
  for (int i = 0; i < 4; ++i) Start();
  ExpectPosition(0, 0, 0, 0);
  ExpectPosition(3, 0, 3, 0);
  Answer(1, std::string());
  Start();
  ExpectPosition(4, 0, 4, 0);
  Answer(0, std::string());
  Start();
  ExpectPosition(5, 0, 5, 2);
  EXPECT_TRUE(chain_.status().ok());
  // What has no chain has no place.
  stub_.StartEcho({});
  EXPECT_EQ(channel_->held[6].position.id, 0u);
}

TEST_F(CallChainTest, FailureIsTheStatusOfAllBehindIt) {
  auto first = Start();
  auto second = Start();
  Answer(0, absl::DataLossError("disk"));
  // The module's words for it, or a hop's.
  Answer(1, absl::AbortedError("lost"));
  EXPECT_EQ(first.Wait().status(), absl::DataLossError("disk"));
  EXPECT_EQ(second.Wait().status(), absl::DataLossError("disk"));
  EXPECT_EQ(chain_.status(), absl::DataLossError("disk"));
  // No more are sent.
  EXPECT_EQ(Start().Wait().status(), absl::DataLossError("disk"));
  EXPECT_EQ(channel_->held.size(), 2u);
}

TEST_F(CallChainTest, ResetBeginsANewEpoch) {
  auto failing = Start();
  auto behind = Start();
  Answer(0, absl::DataLossError("disk"));
  chain_.Reset();
  EXPECT_TRUE(chain_.status().ok());
  Start();
  ExpectPosition(2, 1, 0, 0);
  // What was made before still ends as it does.
  Answer(1, absl::DataLossError("disk"));
  EXPECT_EQ(behind.Wait().status(), absl::DataLossError("disk"));
  EXPECT_TRUE(chain_.status().ok());
}

TEST_F(CallChainTest, WayWithoutOrderIsRefused) {
  channel_->ordered = false;
  EXPECT_EQ(Start().Wait().status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(CallChainTest, StreamsAreRefused) {
  EXPECT_EQ(stub_.Sum(chain_.Options()).Finish().status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(CallChainLoopbackTest, StopsAtTheFirstFailureAndGoesOnAfterAReset) {
  ProbeStub stub(
      LoopbackChannel::ContextFor(std::make_unique<ramet::probe::Probe>()));
  CallChain chain;
  EchoRequest failing;
  failing.set_error_code(15);
  EXPECT_TRUE(stub.Echo({}, chain.Options()).ok());
  EXPECT_EQ(stub.Echo(failing, chain.Options()).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(stub.Echo({}, chain.Options()).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(stub.Info({})->calls(), 3);
  chain.Reset();
  EXPECT_TRUE(stub.Echo({}, chain.Options()).ok());
}

}  // namespace
}  // namespace ramet::stub
