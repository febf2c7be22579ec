#include "importer/module_calls.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::ContextId;
using core::Dead;
using core::FrameHeader;
using core::HandleId;
using core::RawFrame;
using core::RawPeer;

constexpr ContextId kSelf = 3;
constexpr ContextId kChild = 7;
constexpr ContextId kModule = 100;
constexpr ContextId kOther = 101;
constexpr ContextId kSibling = 500;
constexpr HandleId kTheirs = 5000;  // the module's handle

// Context 3 ("web1") below the master, with a child 7 and two modules.
class ModuleCallsTest : public testing::Test {
 protected:
  ModuleCallsTest() {
    context_.router().SetSelf(kSelf, "web1");
    context_.SetAncestors({core::kMasterId});
    core::MemoryNetwork::Pair up = network_.MakePair();
    context_.router().AddParent(std::move(up.a), core::kMasterId);
    parent_ = std::make_unique<RawPeer>(std::move(up.b));
    core::MemoryNetwork::Pair down = network_.MakePair();
    context_.router().AddChild(std::move(down.a), kChild, "child");
    child_ = std::make_unique<RawPeer>(std::move(down.b));
    module_ = AddModule(kModule);
    other_ = AddModule(kOther);
    context_.SetModuleFrameHandler([this](core::Link* from,
                                          const FrameHeader& header,
                                          std::string_view payload) {
      calls_.OnFrame(from, header, payload);
    });
    context_.SetLossExplainer([](const core::Link*, const core::Status&) {
      return core::Status(Code::kUnavailable, "context lost");
    });
    context_.AddRouteLostHandler(
        [this](ContextId id, const core::Status&) { calls_.CancelAllOf(id); });
    context_.SetHandler(core::kCallFunction, core::Context::Access::kAnyone,
                        [this](core::Link*, const FrameHeader& header,
                               std::string_view payload) {
                          served_.push_back({header, std::string(payload)});
                        });
  }

  std::unique_ptr<RawPeer> AddModule(ContextId id) {
    core::MemoryNetwork::Pair pair = network_.MakePair();
    context_.router().AddModule(std::move(pair.a), id, "module m");
    return std::make_unique<RawPeer>(std::move(pair.b));
  }

  static std::string Payload(void (*fill)(core::PartWriter*)) {
    std::string payload;
    core::PartWriter writer(
        [&](std::string_view bytes) { payload.append(bytes); });
    fill(&writer);
    writer.Flush();
    return payload;
  }
  static std::string Headers() {
    return Payload([](core::PartWriter* writer) {
      core::CallHeaders headers;
      headers.method = "/a.A/Any";
      writer->AddHeaders(core::SerializeControl(headers));
    });
  }
  static std::string Message() {
    return Payload([](core::PartWriter* writer) { writer->AddMessage("m"); });
  }
  static std::string Trailers() {
    return Payload([](core::PartWriter* writer) { writer->AddTrailers(""); });
  }

  void Send(RawPeer* peer, ContextId src, ContextId dst, HandleId handle,
            HandleId reply_to, const std::string& payload, uint8_t flags = 0) {
    FrameHeader header;
    header.flags = flags;
    header.src_id = header.auth_id = src;
    header.dst_id = dst;
    header.handle = handle;
    header.reply_to = reply_to;
    peer->Send(header, payload);
    network_.Settle();
  }
  void Call(ContextId dst, HandleId reply_to = kTheirs) {
    Send(module_.get(), kModule, dst, core::kCallFunction, reply_to, Headers());
  }
  // The frames of calls that `peer` got.
  static std::vector<RawFrame> Calls(RawPeer* peer) {
    std::vector<RawFrame> calls;
    for (RawFrame& frame : peer->TakeFrames()) {
      if (frame.header.handle == core::kCallFunction) {
        calls.push_back(std::move(frame));
      }
    }
    return calls;
  }
  Code TakeDead(HandleId handle = kTheirs) {
    const std::vector<RawFrame> frames = module_->TakeFrames();
    Dead dead;
    if (frames.size() != 1 || !frames[0].header.dead() ||
        frames[0].header.handle != handle ||
        !core::ParseControl(frames[0].payload, &dead)) {
      return Code::kOk;
    }
    return core::CodeFromNumber(dead.code);
  }

  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  core::Context context_{&loop_};
  ModuleCalls calls_{&context_};
  std::unique_ptr<RawPeer> parent_;
  std::unique_ptr<RawPeer> child_;
  std::unique_ptr<RawPeer> module_;
  std::unique_ptr<RawPeer> other_;
  std::vector<RawFrame> served_;  // calls to this context
};

TEST_F(ModuleCallsTest, ACallGoesOutInTheContextsNameOnTheModulesAuthority) {
  Call(core::kMasterId);
  const std::vector<RawFrame> frames = parent_->TakeFrames();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].header.handle, core::kAddRoute)
      << "hops above must know the authority first";
  const FrameHeader& call = frames[1].header;
  EXPECT_EQ(call.src_id, kSelf);
  EXPECT_EQ(call.auth_id, kModule);
  EXPECT_EQ(call.handle, core::kCallFunction);
  EXPECT_NE(call.reply_to, kTheirs);
  EXPECT_EQ(frames[1].payload, Headers());
  Call(core::kMasterId, kTheirs + 1);
  EXPECT_EQ(parent_->TakeFrames().size(), 1u) << "announced once";
}

TEST_F(ModuleCallsTest, TheAnswerComesToTheModulesOwnHandle) {
  Call(kChild);
  const std::vector<RawFrame> calls = Calls(child_.get());
  ASSERT_EQ(calls.size(), 1u);
  const HandleId handle = calls[0].header.reply_to;
  Send(child_.get(), kChild, kSelf, handle, 0, Message());
  Send(child_.get(), kChild, kSelf, handle, 0, Trailers());
  const std::vector<RawFrame> answer = module_->TakeFrames();
  ASSERT_EQ(answer.size(), 2u);
  for (const RawFrame& frame : answer) {
    EXPECT_EQ(frame.header.dst_id, kModule);
    EXPECT_EQ(frame.header.src_id, kChild);
    EXPECT_EQ(frame.header.handle, kTheirs);
    EXPECT_EQ(frame.header.reply_to, core::kNoHandle);
  }
  EXPECT_EQ(calls_.size(), 0u);
  Send(child_.get(), kChild, kSelf, handle, 0, Trailers());
  EXPECT_TRUE(module_->TakeFrames().empty()) << "answered once";
}

TEST_F(ModuleCallsTest, NobodyElseAnswers) {
  Call(kChild);
  const HandleId handle = Calls(child_.get())[0].header.reply_to;
  Send(parent_.get(), core::kMasterId, kSelf, handle, 0, Trailers());
  Send(parent_.get(), kSibling, kSelf, handle, 0, Trailers());
  EXPECT_TRUE(module_->TakeFrames().empty());
  EXPECT_EQ(calls_.size(), 1u);
}

TEST_F(ModuleCallsTest, ItsOwnContextIsCalledLikeAnyOther) {
  Call(kSelf);
  ASSERT_EQ(served_.size(), 1u);
  EXPECT_EQ(served_[0].header.src_id, kSelf);
  EXPECT_EQ(served_[0].header.auth_id, kModule);
}

TEST_F(ModuleCallsTest, NoModuleIsReachedByItsId) {
  Call(kOther);
  EXPECT_EQ(TakeDead(), Code::kUnavailable);
  Call(kModule, kTheirs + 1);
  EXPECT_EQ(TakeDead(kTheirs + 1), Code::kUnavailable);
  EXPECT_TRUE(other_->frames().empty());
  EXPECT_EQ(calls_.size(), 0u);
}

TEST_F(ModuleCallsTest, FramesOfNoCallAreDropped) {
  Send(module_.get(), kModule, kChild, core::kCallFunction, kTheirs, Message());
  EXPECT_TRUE(child_->TakeFrames().empty());
  Call(kChild);
  Calls(child_.get());
  // To somebody else than the call went to.
  Send(module_.get(), kModule, core::kMasterId, core::kCallFunction, kTheirs,
       Message());
  // The same handle of another module is another call.
  Send(other_.get(), kOther, kChild, core::kCallFunction, kTheirs, Message());
  EXPECT_TRUE(Calls(parent_.get()).empty());
  EXPECT_TRUE(child_->TakeFrames().empty());
}

TEST_F(ModuleCallsTest, NothingOvertakesTheAnnouncement) {
  Send(module_.get(), kModule, core::kMasterId, core::kCallFunction, kTheirs,
       Headers(), core::kFlagPriority);
  Send(module_.get(), kModule, core::kMasterId, core::kCallFunction, kTheirs,
       Message(), core::kFlagPriority);
  for (const RawFrame& frame : parent_->TakeFrames()) {
    EXPECT_EQ(frame.header.flags, 0);
  }
}

TEST_F(ModuleCallsTest, OneModuleHasSoManyCallsOut) {
  for (uint32_t i = 0; i < ModuleCalls::kMaxCalls; ++i) {
    Call(kChild, kTheirs + i);
  }
  EXPECT_TRUE(module_->TakeFrames().empty());
  Call(kChild, 99'999);
  EXPECT_EQ(TakeDead(99'999), Code::kResourceExhausted);
  Send(other_.get(), kOther, core::kMasterId, core::kCallFunction, kTheirs,
       Headers());
  EXPECT_EQ(Calls(parent_.get()).size(), 1u) << "the other's are its own";
  Send(module_.get(), kModule, kChild, core::kCallFunction, kTheirs,
       std::string(core::CancelPayload()));
  Call(kChild, 99'999);
  EXPECT_EQ(calls_.size(), ModuleCalls::kMaxCalls + 1u);
}

TEST_F(ModuleCallsTest, WhoIsLostEndsTheCallsToIt) {
  Call(kChild);
  child_->Close();
  network_.Settle();
  EXPECT_EQ(TakeDead(), Code::kUnavailable);
  EXPECT_EQ(calls_.size(), 0u);
}

TEST_F(ModuleCallsTest, AModulesEndCancelsItsCallsBeforeItsRouteEnds) {
  Call(core::kMasterId);
  Call(kChild, kTheirs + 1);
  Send(other_.get(), kOther, kChild, core::kCallFunction, kTheirs, Headers());
  parent_->TakeFrames();
  Calls(child_.get());
  module_->Close();
  network_.Settle();
  const std::vector<RawFrame> up = parent_->TakeFrames();
  ASSERT_EQ(up.size(), 2u);
  EXPECT_EQ(up[0].header.auth_id, kModule);
  EXPECT_EQ(up[0].payload, core::CancelPayload());
  EXPECT_EQ(up[1].header.handle, core::kDelRoute);
  const std::vector<RawFrame> down = Calls(child_.get());
  ASSERT_EQ(down.size(), 1u);
  EXPECT_EQ(down[0].payload, core::CancelPayload());
  EXPECT_EQ(calls_.size(), 1u) << "the other's goes on";
}

TEST_F(ModuleCallsTest, AModuleThatDoesNotReadLosesItsCalls) {
  Call(kChild);
  const HandleId handle = Calls(child_.get())[0].header.reply_to;
  module_->Pause(true);
  const std::string much = [] {
    std::string payload;
    core::PartWriter writer(
        [&](std::string_view bytes) { payload.append(bytes); });
    writer.AddMessageBytes(std::string(60'000, 'm'));
    writer.Flush();
    return payload;
  }();
  for (int i = 0; i < 400 && calls_.size() > 0; ++i) {
    Send(child_.get(), kChild, kSelf, handle, 0, much);
  }
  EXPECT_EQ(calls_.size(), 0u);
  const std::vector<RawFrame> down = Calls(child_.get());
  ASSERT_FALSE(down.empty());
  EXPECT_EQ(down.back().payload, core::CancelPayload());
}

}  // namespace
}  // namespace ramet::importer
