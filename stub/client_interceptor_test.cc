// Calls of all kinds to the probe service, seen by interceptors.
#include "stub/client_interceptor.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "stub/call_chain.h"
#include "stub/loopback_channel.h"
#include "tests/probe/probe.ramet.h"
#include "tests/probe/probe_service.h"

namespace ramet::stub {
namespace {

using absl::StatusCode;
using ::probe::v1::CountReply;
using ::probe::v1::CountRequest;
using ::probe::v1::EchoMetadataRequest;
using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::ProbeStub;
using ::probe::v1::SumReply;
using ::probe::v1::SumRequest;

// What interceptors have seen, in order; some of it on other threads.
class Journal {
 public:
  void Add(std::string line) {
    std::lock_guard<std::mutex> lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> Take() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::move(lines_);
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

class Recorder final : public ClientInterceptor {
 public:
  Recorder(std::string name, Journal* journal, absl::Status answer = {})
      : name_(std::move(name)), journal_(journal), answer_(std::move(answer)) {}

  absl::Status OnStart(StartingCall* call) override {
    journal_->Add(name_ + " " + call->method());
    call->WhenOver([this](const absl::Status& status, absl::Duration took) {
      EXPECT_GE(took, absl::ZeroDuration());
      journal_->Add(name_ + " " + absl::StatusCodeToString(status.code()));
    });
    return answer_;
  }

 private:
  const std::string name_;
  Journal* const journal_;
  const absl::Status answer_;
};

template <typename Reply>
class EndListener final : public StreamListener<Reply> {
 public:
  void OnReply(Reply, MessageCredit) override {}
  void OnEnd(CallEnd end) override { end_.set_value(end.status); }
  absl::Status Wait() { return end_.get_future().get(); }

 private:
  std::promise<absl::Status> end_;
};

using Lines = std::vector<std::string>;

class ClientInterceptorTest : public testing::Test {
 protected:
  void Use(ClientInterceptors interceptors) {
    stub_ = std::make_unique<ProbeStub>(
        Intercepted(context_, std::move(interceptors)));
  }
  void UseRecorder(absl::Status answer = {}) {
    Use({std::make_shared<Recorder>("a", &journal_, std::move(answer))});
  }
  // Of a call of `method` that ended so.
  static Lines Seen(const std::string& method, const std::string& code) {
    return {"a /probe.v1.Probe/" + method, "a " + code};
  }

  Journal journal_;
  const Context context_ =
      LoopbackChannel::ContextFor(std::make_unique<ramet::probe::Probe>());
  std::unique_ptr<ProbeStub> stub_;
};

TEST_F(ClientInterceptorTest, WithoutAnyTheContextIsTheSame) {
  EXPECT_EQ(Intercepted(context_, {}).channel(), context_.channel());
  EXPECT_EQ(Intercepted(Context(), {AddMetadata({})}).channel(), nullptr);
}

TEST_F(ClientInterceptorTest, SeesBlockingCallsOfAllKinds) {
  UseRecorder();
  EchoRequest fails;
  fails.set_error_code(15);
  EXPECT_EQ(stub_->Echo(fails).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(journal_.Take(), Seen("Echo", "DATA_LOSS"));

  CountRequest three;
  three.set_count(3);
  auto reader = stub_->Count(three);
  CountReply reply;
  int count = 0;
  while (reader.Read(&reply)) ++count;
  EXPECT_EQ(count, 3);
  EXPECT_TRUE(reader.Finish().ok());
  EXPECT_EQ(journal_.Take(), Seen("Count", "OK"));

  auto writer = stub_->Sum();
  SumRequest request;
  request.set_number(4);
  EXPECT_TRUE(writer.Write(request));
  EXPECT_EQ(writer.Finish()->sum(), 4);
  EXPECT_EQ(journal_.Take(), Seen("Sum", "OK"));

  auto both = stub_->EchoStream();
  both.Cancel();
  EXPECT_EQ(both.Finish().code(), StatusCode::kCancelled);
  EXPECT_EQ(journal_.Take(), Seen("EchoStream", "CANCELLED"));
}

TEST_F(ClientInterceptorTest, SeesAsyncCallsOfAllKinds) {
  UseRecorder();
  EXPECT_TRUE(stub_->StartEcho({}).Wait().ok());
  EXPECT_EQ(journal_.Take(), Seen("Echo", "OK"));

  CountRequest fails;
  fails.set_error_code(15);
  auto counts = std::make_shared<EndListener<CountReply>>();
  stub_->StartCount(fails, counts);
  EXPECT_EQ(counts->Wait().code(), StatusCode::kDataLoss);
  EXPECT_EQ(journal_.Take(), Seen("Count", "DATA_LOSS"));

  auto sum = std::make_shared<EndListener<SumReply>>();
  stub_->StartSum(sum).CloseSend();
  EXPECT_TRUE(sum->Wait().ok());
  EXPECT_EQ(journal_.Take(), Seen("Sum", "OK"));

  auto echoes = std::make_shared<EndListener<EchoReply>>();
  stub_->StartEchoStream(echoes).CloseSend();
  EXPECT_TRUE(echoes->Wait().ok());
  EXPECT_EQ(journal_.Take(), Seen("EchoStream", "OK"));
}

TEST_F(ClientInterceptorTest, RefusesCallsOfAllKinds) {
  UseRecorder(absl::PermissionDeniedError("not today"));
  EXPECT_EQ(stub_->Echo({}).status().message(), "not today");
  CallOptions options;
  options.reply_metadata = std::make_shared<ReplyMetadata>();
  EXPECT_EQ(stub_->Echo({}, options).status().message(), "not today");
  EXPECT_EQ(stub_->StartEcho({}).Wait().status().message(), "not today");
  auto reader = stub_->Count({});
  CountReply reply;
  EXPECT_FALSE(reader.Read(&reply));
  EXPECT_EQ(reader.Finish().message(), "not today");
  auto writer = stub_->Sum();
  EXPECT_FALSE(writer.Write({}));
  EXPECT_EQ(writer.Finish().status().message(), "not today");
  EXPECT_EQ(stub_->EchoStream().Finish().message(), "not today");
  auto sum = std::make_shared<EndListener<SumReply>>();
  auto call = stub_->StartSum(sum);
  EXPECT_EQ(sum->Wait().message(), "not today");
  EXPECT_TRUE(call.Send({}).ok());
  EXPECT_TRUE(call.HasSendRoom());
  call.Cancel();
  EXPECT_EQ(journal_.Take().size(), 14u);
  // Nothing has reached the service.
  EXPECT_EQ(ProbeStub(context_).Info({})->calls(), 1);
}

TEST_F(ClientInterceptorTest, FirstIsOutermostAndARefusalEndsTheLine) {
  Use({std::make_shared<Recorder>("a", &journal_),
       std::make_shared<Recorder>("b", &journal_, absl::AbortedError("no")),
       std::make_shared<Recorder>("c", &journal_)});
  EXPECT_EQ(stub_->Echo({}).status().code(), StatusCode::kAborted);
  EXPECT_EQ(journal_.Take(),
            (Lines{"a /probe.v1.Probe/Echo", "b /probe.v1.Probe/Echo",
                   "b ABORTED", "a ABORTED"}));
}

TEST_F(ClientInterceptorTest, ContextsCanBeInterceptedAgain) {
  const Context inner =
      Intercepted(context_, {std::make_shared<Recorder>("inner", &journal_)});
  ProbeStub stub(
      Intercepted(inner, {std::make_shared<Recorder>("outer", &journal_)}));
  EXPECT_TRUE(stub.Echo({}).ok());
  EXPECT_EQ(journal_.Take(),
            (Lines{"outer /probe.v1.Probe/Echo", "inner /probe.v1.Probe/Echo",
                   "inner OK", "outer OK"}));
}

TEST_F(ClientInterceptorTest, AddsMetadataThatTheCallDoesNotHave) {
  Use({AddMetadata({{"x-a", "added"}, {"x-b", "1"}, {"x-b", "2"}})});
  CallOptions options;
  options.metadata = {{"x-a", "own"}};
  const auto reply = stub_->EchoMetadata({}, options);
  ASSERT_TRUE(reply.ok());
  ASSERT_EQ(reply->pairs_size(), 3);
  EXPECT_EQ(reply->pairs(0).value(), "own");
  EXPECT_EQ(reply->pairs(1).value(), "1");
  EXPECT_EQ(reply->pairs(2).value(), "2");
}

TEST_F(ClientInterceptorTest, BadMetadataEndsTheCallAndIsSeen) {
  Use({std::make_shared<Recorder>("a", &journal_),
       AddMetadata({{"Not-Lower", "x"}})});
  EXPECT_EQ(stub_->Echo({}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(journal_.Take(), Seen("Echo", "INVALID_ARGUMENT"));
}

TEST_F(ClientInterceptorTest, OptionsThatItSetsCount) {
  class Asks final : public ClientInterceptor {
   public:
    explicit Asks(std::shared_ptr<ReplyMetadata> metadata)
        : metadata_(std::move(metadata)) {}
    absl::Status OnStart(StartingCall* call) override {
      call->options().reply_metadata = metadata_;
      call->options().metadata.emplace_back("x-back", "yes");
      return absl::OkStatus();
    }

   private:
    const std::shared_ptr<ReplyMetadata> metadata_;
  };
  const auto metadata = std::make_shared<ReplyMetadata>();
  Use({std::make_shared<Asks>(metadata)});
  EXPECT_TRUE(stub_->EchoMetadata({}).ok());
  ASSERT_EQ(metadata->trailing.size(), 1u);
  EXPECT_EQ(metadata->trailing[0].second, "yes");
}

}  // namespace
}  // namespace ramet::stub
