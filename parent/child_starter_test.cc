#include "parent/child_starter.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/control.h"
#include "parent/first_stage.h"

namespace ramet::parent {
namespace {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::RawFrame;
using core::Status;

class Images final : public AgentImages {
 public:
  Images() {
    int fd = -1;
    EXPECT_TRUE(MakeMemoryFile("image", "IMAGE", &fd).ok());
    file_.Reset(fd);
    image_ = {"linux-x86_64", "Linux x86_64", fd, fd};
  }
  const AgentImage& own() const override { return image_; }
  const AgentImage& Guess(std::string_view) const override { return image_; }
  void Find(std::string_view, Waiter* waiter) override {
    waiter->OnImage(&image_);
  }
  void Forget(Waiter*) override {}

 private:
  core::UniqueFd file_;
  AgentImage image_;
};

// Gives streams in memory and remembers what was asked for.
class FakeTransport final : public Transport {
 public:
  explicit FakeTransport(core::MemoryNetwork* network) : network_(network) {}

  std::unique_ptr<core::ByteStream> Open(core::EventLoop*,
                                         const OpenRequest& request) override {
    requests.push_back(request);
    core::MemoryNetwork::Pair pair = network_->MakePair();
    to_target = pair.a_to_b;
    from_target = pair.b_to_a;
    target = std::move(pair.b);
    return std::move(pair.a);
  }

  std::vector<OpenRequest> requests;
  std::unique_ptr<core::ByteStream> target;
  std::shared_ptr<core::MemoryPipe> to_target;
  std::shared_ptr<core::MemoryPipe> from_target;

 private:
  core::MemoryNetwork* const network_;
};

// The children of a master.
class ChildStarterTest : public testing::Test {
 protected:
  ChildStarterTest() { context_.ids().Add(1, 1'000'000); }

  std::unique_ptr<core::ByteStream> StartLocal() {
    core::MemoryNetwork::Pair pair = network_.MakePair();
    from_child_ = pair.b_to_a;
    child_ = std::make_unique<core::RawPeer>(std::move(pair.b));
    return std::move(pair.a);
  }

  void Start(const std::string& hop, uint32_t timeout_ms = 0) {
    core::StartChildRequest request;
    request.hop = hop;
    request.timeout_ms = timeout_ms;
    request.hop_number = 1;
    request.cache_dir = "cache";
    request.cache_mib = 17;
    StartRequest(request);
  }
  void StartRequest(const core::StartChildRequest& request) {
    children_.Start(
        request, &stats_, [this](ContextId id) { linked_.push_back(id); },
        [this](const Status& status, const core::StartChildReply& reply) {
          done_.push_back({status, reply});
        });
    network_.Settle();
  }
  // The hello that the child got.
  core::Hello TakeHello() {
    core::Hello hello;
    const std::vector<RawFrame> frames = child_->TakeFrames();
    EXPECT_EQ(frames.size(), 1u);
    if (frames.empty()) return hello;
    EXPECT_EQ(frames[0].header.handle, core::kHello);
    EXPECT_TRUE(core::ParseControl(frames[0].payload, &hello));
    EXPECT_EQ(frames[0].header.dst_id, hello.child_id);
    return hello;
  }
  void Answer(ContextId id, const std::string& payload) {
    FrameHeader header;
    header.src_id = id;
    header.auth_id = id;
    header.handle = core::kHello;
    child_->Send(header, payload);
    network_.Settle();
  }
  void AnswerWell(ContextId id) {
    core::HelloReply reply;
    reply.version = core::kProtocolVersion;
    reply.hostname = "web1";
    Answer(id, core::SerializeControl(reply));
  }

  struct Done {
    Status status;
    core::StartChildReply reply;
  };

  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  Images images_;
  FakeTransport ssh_{&network_};
  ConnectStats stats_;
  core::Context context_{&loop_};
  std::shared_ptr<core::MemoryPipe> from_child_;
  std::unique_ptr<core::RawPeer> child_;
  ChildStarter children_{
      &context_, &images_,
      [this](core::EventLoop*, const AgentImage&) { return StartLocal(); },
      &ssh_};
  std::vector<ContextId> linked_;
  std::vector<Done> done_;
};

TEST_F(ChildStarterTest, IsDoneWhenTheChildHasSaidHello) {
  Start("local:");
  ASSERT_EQ(linked_.size(), 1u);
  EXPECT_TRUE(done_.empty());
  const core::Hello hello = TakeHello();
  EXPECT_EQ(hello.version, core::kProtocolVersion);
  EXPECT_EQ(hello.child_id, linked_[0]);
  EXPECT_EQ(hello.ancestor_ids, std::vector<uint32_t>{core::kMasterId});
  EXPECT_EQ(hello.grant_first, linked_[0] + 1);
  EXPECT_EQ(hello.grant_count, core::kGrantIds);
  EXPECT_EQ(hello.name, "local:");
  EXPECT_EQ(hello.parent_name, "master");
  EXPECT_EQ(hello.cache_dir, "cache");
  EXPECT_EQ(hello.cache_mib, 17u);
  AnswerWell(linked_[0]);
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_TRUE(done_[0].status.ok());
  EXPECT_EQ(done_[0].reply.id, linked_[0]);
  EXPECT_EQ(done_[0].reply.hello.hostname, "web1");
  AnswerWell(linked_[0]);
  EXPECT_EQ(done_.size(), 1u) << "a second hello is nothing";
  EXPECT_TRUE(context_.router().HasRoute(linked_[0]));
}

TEST_F(ChildStarterTest, NoTwoChildrenHaveIdsInCommon) {
  Start("local:");
  const core::Hello first = TakeHello();
  Start("local:");
  const core::Hello second = TakeHello();
  EXPECT_GE(second.child_id, first.grant_first + first.grant_count);
}

TEST_F(ChildStarterTest, AChildFurtherDownGetsASmallerGrant) {
  context_.SetAncestors({core::kMasterId});
  context_.router().SetSelf(5000, "ssh:bastion");
  Start("local:");
  const core::Hello hello = TakeHello();
  EXPECT_EQ(hello.grant_count, core::kChildGrantIds);
  EXPECT_EQ(hello.ancestor_ids, (std::vector<uint32_t>{5000, 0}));
  EXPECT_EQ(hello.parent_name, "ssh:bastion");
}

TEST_F(ChildStarterTest, RefusesWhatIsNoHop) {
  Start("sudo:root");
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].status.code(), Code::kInvalidArgument);
  EXPECT_TRUE(linked_.empty());
}

TEST_F(ChildStarterTest, SendsFirstStageImageAndHelloInOneFlight) {
  Start("ssh:me@web1:22");
  ASSERT_EQ(ssh_.requests.size(), 1u);
  EXPECT_EQ(ssh_.requests[0].hop.host, "web1");
  EXPECT_EQ(ssh_.requests[0].command.substr(0, 15), "exec /bin/sh -c");
  char buffer[4096];
  const ssize_t count = ssh_.target->Read(buffer, sizeof buffer);
  ASSERT_GT(count, 5 + static_cast<ssize_t>(core::kFrameHeaderBytes));
  EXPECT_EQ(std::string(buffer, 5), "IMAGE");
  EXPECT_EQ(std::string(buffer + 5, 2), "RM");
  EXPECT_EQ(stats_.bootstrap_round_trips, 1u);
  EXPECT_EQ(stats_.bootstrap_bytes_sent, ssh_.requests[0].command.size() + 5);
}

TEST_F(ChildStarterTest, AChildHoldsTheLocksOfItsParentAndItsOwn) {
  core::StartChildRequest request;
  request.hop = "local:";
  request.module_locks = "=own\n-b\n";
  StartRequest(request);
  EXPECT_EQ(TakeHello().module_locks, "=own\n-b\n");
  children_.SetLocks("=held\n-a\n", "");
  Start("local:");
  EXPECT_EQ(TakeHello().module_locks, "=held\n-a\n");
  StartRequest(request);
  EXPECT_EQ(TakeHello().module_locks, "=held\n-a\n=own\n-b\n");
}

// With them, who can't announce programs could make them otherwise.
TEST_F(ChildStarterTest, WhoHoldsLocksUsesNoFilesThatAnAncestorNames) {
  core::StartChildRequest request;
  request.hop = "ssh:web1";
  request.ssh.config_file = "/tmp/config";
  request.ssh.known_hosts = "/tmp/hosts";
  request.cache_dir = "/tmp/cache";
  StartRequest(request);
  EXPECT_EQ(ssh_.requests.back().ssh.config_file, "/tmp/config");
  children_.SetLocks("=held\n-a\n", "/own/cache");
  StartRequest(request);
  EXPECT_EQ(ssh_.requests.back().ssh.config_file, "");
  EXPECT_EQ(ssh_.requests.back().ssh.known_hosts, "/tmp/hosts");
  request.ssh.host_key_check = core::SshOptions::kAcceptNew;
  StartRequest(request);
  EXPECT_EQ(ssh_.requests.back().ssh.known_hosts, "") << "it would be written";
  request.hop = "local:";
  StartRequest(request);
  EXPECT_EQ(TakeHello().cache_dir, "/own/cache");
}

// What continues its last lock would widen that.
TEST_F(ChildStarterTest, WhatIsAddedToLocksBeginsWithOne) {
  children_.SetLocks("=held\n+a\n", "");
  core::StartChildRequest request;
  request.hop = "local:";
  for (const std::string& more :
       {std::string("+*\n"), std::string("\n=own\n+*\n"),
        std::string("=own\n+*"), std::string(" =own\n"),
        "=" + std::string(60'000, 'x') + "\n"}) {
    request.module_locks = more;
    StartRequest(request);
    ASSERT_FALSE(done_.empty()) << more.substr(0, 20);
    EXPECT_EQ(done_.back().status.code(), Code::kInvalidArgument);
    done_.clear();
  }
  request.module_locks = "=own\n+b\n";
  StartRequest(request);
  EXPECT_EQ(TakeHello().module_locks, "=held\n+a\n=own\n+b\n");
}

TEST_F(ChildStarterTest, ALossNamesHopAndPhase) {
  Start("ssh:me@web1:22");
  ssh_.from_target->end_status =
      Status(Code::kUnauthenticated, "no key was accepted");
  ssh_.target.reset();
  network_.Settle();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].status.code(), Code::kUnauthenticated);
  EXPECT_EQ(done_[0].status.message(),
            "cannot start a context: ssh:me@web1:22 (hop 1, phase first "
            "stage): no key was accepted");
  EXPECT_EQ(context_.router().route_count(), 0u);
}

TEST_F(ChildStarterTest, ALossBeforeTheHelloIsUnavailable) {
  Start("local:");
  child_->Close();
  network_.Settle();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].status.code(), Code::kUnavailable);
  EXPECT_EQ(done_[0].status.message(),
            "cannot start a context: local: (hop 1, phase call): closed by "
            "the other side");
}

TEST_F(ChildStarterTest, ALossAfterTheHelloIsNoFailureToStart) {
  Start("local:");
  AnswerWell(linked_[0]);
  std::string told;
  context_.AddRouteLostHandler(
      [&](ContextId, const Status& why) { told = why.message(); });
  child_->Close();
  network_.Settle();
  EXPECT_EQ(done_.size(), 1u);
  EXPECT_EQ(told.find("cannot start"), std::string::npos) << told;
  EXPECT_NE(told.find("local:"), std::string::npos) << told;
  EXPECT_NE(told.find("closed by the other side"), std::string::npos) << told;
}

TEST_F(ChildStarterTest, ADeadlineNamesThePhaseAndEndsTheChild) {
  Start("ssh:web1", 700);
  clock_.Advance(699'000);
  network_.Settle();
  EXPECT_TRUE(done_.empty());
  clock_.Advance(1'000);
  network_.Settle();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(done_[0].status.message().substr(0, 86),
            "cannot start a context: ssh:web1 (hop 1, phase first stage): not "
            "done within 700 ms");
  EXPECT_TRUE(ssh_.to_target->closed);
}

TEST_F(ChildStarterTest, HasADeadlineOfItsOwn) {
  Start("local:");
  clock_.Advance(ChildStarter::kDefaultConnectTimeoutMs * int64_t{1000});
  network_.Settle();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].status.code(), Code::kDeadlineExceeded);
}

TEST_F(ChildStarterTest, NoDeadlineIsHitOnceItIsDone) {
  Start("local:", 700);
  AnswerWell(linked_[0]);
  clock_.Advance(10'000'000);
  network_.Settle();
  EXPECT_EQ(done_.size(), 1u);
  EXPECT_FALSE(child_->ended());
}

TEST_F(ChildStarterTest, AnotherProtocolVersionIsNamed) {
  Start("local:");
  core::HelloReply reply;
  reply.version = 9;
  Answer(linked_[0], core::SerializeControl(reply));
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].status.code(), Code::kFailedPrecondition);
  EXPECT_NE(done_[0].status.message().find(
                "protocol version mismatch: the child speaks 9, this side 1"),
            std::string::npos)
      << done_[0].status.message();
}

TEST_F(ChildStarterTest, AMalformedHelloCostsTheChildItsLink) {
  Start("local:");
  Answer(linked_[0], "\x0a\x7f");
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].status.code(), Code::kInternal);
  EXPECT_TRUE(child_->ended());
}

TEST_F(ChildStarterTest, StopEndsAChildAndNobodyElse) {
  Start("local:");
  AnswerWell(linked_[0]);
  EXPECT_EQ(children_.Stop(linked_[0] + 1).code(), Code::kNotFound);
  EXPECT_EQ(children_.Stop(core::kMasterId).code(), Code::kNotFound);
  EXPECT_TRUE(children_.Stop(linked_[0]).ok());
  network_.Settle();
  EXPECT_TRUE(child_->ended());
  EXPECT_EQ(children_.Stop(linked_[0]).code(), Code::kNotFound);
}

TEST_F(ChildStarterTest, StopOfAStartingChildEndsTheStart) {
  Start("local:");
  EXPECT_TRUE(children_.Stop(linked_[0]).ok());
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_NE(done_[0].status.message().find("disconnected on request"),
            std::string::npos);
}

TEST_F(ChildStarterTest, AGrandchildsIdIsNoChild) {
  Start("local:");
  AnswerWell(linked_[0]);
  FrameHeader header;
  header.src_id = linked_[0];
  header.auth_id = linked_[0];
  header.handle = core::kAddRoute;
  child_->Send(header,
               core::SerializeControl(core::AddRoute{linked_[0] + 1, "deep"}));
  network_.Settle();
  ASSERT_TRUE(context_.router().HasRoute(linked_[0] + 1));
  EXPECT_EQ(children_.Stop(linked_[0] + 1).code(), Code::kNotFound);
}

TEST_F(ChildStarterTest, WithoutIdsThereIsNoChild) {
  uint32_t first = 0;
  ASSERT_TRUE(context_.ids().Take(999'500, &first));
  Start("local:");
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].status.code(), Code::kResourceExhausted);
}

// A child that has said hello and is asked to let go.
class DetachTest : public ChildStarterTest {
 protected:
  DetachTest() {
    Start("local:");
    id_ = TakeHello().child_id;
    core::HelloReply reply;
    reply.version = core::kProtocolVersion;
    Answer(id_, core::SerializeControl(reply));
  }
  void Detach() {
    children_.Detach(
        id_, [this](const Status& status) { results_.push_back(status); });
    network_.Settle();
  }
  void Say(core::HandleId handle, const std::string& payload,
           uint8_t flags = 0) {
    FrameHeader header;
    header.flags = flags;
    header.src_id = header.auth_id = id_;
    header.handle = handle;
    child_->Send(header, payload);
    network_.Settle();
  }
  core::HandleId TakeDetaching() {
    const std::vector<RawFrame> frames = child_->TakeFrames();
    EXPECT_EQ(frames.size(), 1u);
    if (frames.empty()) return core::kNoHandle;
    EXPECT_EQ(frames[0].header.handle, core::kDetaching);
    EXPECT_EQ(frames[0].header.auth_id, core::kMasterId);
    return frames[0].header.reply_to;
  }

  ContextId id_ = 0;
  std::vector<Status> results_;
};

TEST_F(DetachTest, AChildIsForgottenWhenItHasAnswered) {
  Detach();
  const core::HandleId answer = TakeDetaching();
  EXPECT_TRUE(results_.empty());
  EXPECT_TRUE(context_.router().HasRoute(id_));
  std::vector<std::string> lost;
  context_.AddRouteLostHandler(
      [&](ContextId, const Status& why) { lost.push_back(why.message()); });
  Say(core::kDelRoute,
      core::SerializeControl(core::DelRoute{id_, 14, "detached"}));
  Say(answer, "");
  ASSERT_EQ(results_.size(), 1u);
  EXPECT_TRUE(results_[0].ok());
  EXPECT_FALSE(context_.router().HasRoute(id_));
  EXPECT_TRUE(child_->ended());
  EXPECT_EQ(lost, std::vector<std::string>{
                      "context lost: local: (phase call): detached"});
  EXPECT_EQ(context_.handles().size(), 0u);
}

TEST_F(DetachTest, AChildThatRefusesStays) {
  Detach();
  Say(TakeDetaching(), core::SerializeControl(core::Dead{9, "not now"}),
      core::kFlagDead);
  ASSERT_EQ(results_.size(), 1u);
  EXPECT_EQ(results_[0].code(), Code::kFailedPrecondition);
  EXPECT_EQ(results_[0].message(), "not now");
  EXPECT_TRUE(context_.router().HasRoute(id_));
  Detach();
  TakeDetaching();
}

TEST_F(DetachTest, AChildThatIsLostMeanwhileIsAnError) {
  Detach();
  child_->Close();
  network_.Settle();
  ASSERT_EQ(results_.size(), 1u);
  EXPECT_EQ(results_[0].code(), Code::kUnavailable);
}

TEST_F(DetachTest, OnlyAChildThatIsThereCanBeDetachedAndOnce) {
  Detach();
  Detach();
  ASSERT_EQ(results_.size(), 1u);
  EXPECT_EQ(results_[0].code(), Code::kFailedPrecondition);
  Say(TakeDetaching(), "");
  Detach();
  ASSERT_EQ(results_.size(), 3u);
  EXPECT_TRUE(results_[1].ok());
  EXPECT_EQ(results_[2].code(), Code::kNotFound);
  Start("local:");
  id_ = linked_.back();
  Detach();
  ASSERT_EQ(results_.size(), 4u);
  EXPECT_EQ(results_[3].code(), Code::kFailedPrecondition) << "no hello yet";
}

// Nobody asked it to.
TEST_F(DetachTest, AChildCannotDetachItself) {
  Say(core::kDetaching, "");
  EXPECT_TRUE(context_.router().HasRoute(id_));
  EXPECT_FALSE(child_->ended());
}

}  // namespace
}  // namespace ramet::parent
