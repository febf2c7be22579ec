#include "importer/module_host.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <memory>
#include <string>
#include <utility>

#include "core/base/sha256.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "importer/image_cache.h"
#include "importer/module_courier.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::HandleId;
using core::RawPeer;

constexpr char kPlatform[] = "linux-x86_64";
constexpr ContextId kSelf = 3;
constexpr ContextId kChild = 7;
constexpr uint32_t kPolicyAny = 1;

// Context 3 ("web1") below the master, with a child 7 and a module that takes
// every call and answers none.
class ModuleHostTest : public testing::Test, private ModuleCourier::Local {
 protected:
  ModuleHostTest() {
    context_.router().SetSelf(kSelf, "web1");
    context_.SetAncestors({core::kMasterId});
    context_.ids().Add(100, 100);
    core::MemoryNetwork::Pair up = network_.MakePair();
    context_.router().AddParent(std::move(up.a), core::kMasterId);
    parent_ = std::make_unique<RawPeer>(std::move(up.b));
    core::MemoryNetwork::Pair down = network_.MakePair();
    context_.router().AddChild(std::move(down.a), kChild, "child");
    child_ = std::make_unique<RawPeer>(std::move(down.b));
    context_.SetHandler(core::kCallFunction, core::Context::Access::kAnyone,
                        [this](core::Link* from, const FrameHeader& header,
                               std::string_view payload) {
                          host_.OnCallFrame(from, header, payload);
                        });
    Load("#!/bin/sh\nexec cat <&3 >/dev/null\n");
  }

  void Load(const std::string& image) {
    uLongf size = compressBound(image.size());
    std::string deflated(size, '\0');
    EXPECT_EQ(
        compress(reinterpret_cast<Bytef*>(deflated.data()), &size,
                 reinterpret_cast<const Bytef*>(image.data()), image.size()),
        Z_OK);
    deflated.resize(size);
    core::LoadModule load;
    load.name = "m";
    load.platform = kPlatform;
    load.digest = core::Sha256Digest(deflated);
    load.deflated_bytes = deflated.size();
    load.image_bytes = image.size();
    load.services.push_back({"a.A", {{"Any", kPolicyAny}}});
    core::ModuleNotice notice;
    notice.module = core::SerializeControl(load);
    (void)images_.Append(images_.Add(load.digest), load.deflated_bytes, 0,
                         deflated);
    store_.OnAnnounced(notice);
  }

  void Send(RawPeer* peer, ContextId src, HandleId reply_to,
            const std::string& payload) {
    FrameHeader header;
    header.dst_id = kSelf;
    header.src_id = header.auth_id = src;
    header.handle = core::kCallFunction;
    header.reply_to = reply_to;
    peer->Send(header, payload);
    network_.Settle();
  }
  static std::string Payload(void (*fill)(core::PartWriter*)) {
    std::string payload;
    core::PartWriter writer(
        [&](std::string_view bytes) { payload.append(bytes); });
    fill(&writer);
    writer.Flush();
    return payload;
  }
  // Begins a call, which never ends.
  void Begin(RawPeer* peer, ContextId src, HandleId reply_to,
             const std::string& method = "/a.A/Any") {
    std::string payload;
    core::PartWriter writer(
        [&](std::string_view bytes) { payload.append(bytes); });
    core::CallHeaders headers;
    headers.method = method;
    writer.AddHeaders(core::SerializeControl(headers));
    writer.Flush();
    Send(peer, src, reply_to, payload);
  }
  void Cancel(RawPeer* peer, ContextId src, HandleId reply_to) {
    Send(peer, src, reply_to,
         Payload([](core::PartWriter* writer) { writer->AddCancel(); }));
  }
  // How a call at `reply_to` was refused; kOk: it was not.
  static Code Refusal(RawPeer* peer, HandleId reply_to) {
    for (const core::RawFrame& frame : peer->TakeFrames()) {
      if (frame.header.handle != reply_to) continue;
      core::Dead dead;
      EXPECT_TRUE(frame.header.dead());
      EXPECT_TRUE(core::ParseControl(frame.payload, &dead));
      return core::CodeFromNumber(dead.code);
    }
    return Code::kOk;
  }

  void OnNotice(const core::ModuleNotice& notice) override {
    if (notice.code == 0) store_.OnAnnounced(notice);
    host_.RetryHeld();
  }
  void OnImage(std::string_view digest, const core::Status& status) override {
    if (status.ok()) store_.OnArrived(digest);
    store_.SetFailure(digest, status);
    host_.RetryHeld();
    if (!status.ok()) store_.SetFailure(digest, core::Status());
  }
  void OnAsked(const core::ModuleNotice&) override {}

  // The parent says that `id`, beside this context, is lost.
  void Lose(ContextId id) {
    FrameHeader header;
    header.dst_id = kSelf;
    header.handle = core::kDelRoute;
    parent_->Send(header,
                  core::SerializeControl(core::DelRoute{id, 14, "lost"}));
    network_.Settle();
  }
  // Frames that went to the module.
  uint64_t FramesToModule() {
    for (const core::LinkInfo& link : context_.router().ReportLinks().links) {
      if (link.name == "module m") return link.frames_out;
    }
    return 0;
  }

  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  core::Context context_{&loop_};
  ImageCache images_;
  ModuleCourier courier_{&context_, &images_, this};
  ModuleStore store_{kPlatform, &courier_};
  ModuleHost host_{&context_, &store_};
  std::unique_ptr<RawPeer> parent_;
  std::unique_ptr<RawPeer> child_;
};

TEST_F(ModuleHostTest, CallsFromBelowLeaveRoomForThoseFromAbove) {
  constexpr HandleId kFirst = 1000;
  constexpr HandleId kEnd = kFirst + ModuleHost::kMaxForeignCalls;
  for (HandleId handle = kFirst; handle < kEnd; ++handle) {
    Begin(child_.get(), kChild, handle);
  }
  EXPECT_TRUE(child_->TakeFrames().empty());
  Begin(child_.get(), kChild, kEnd);
  EXPECT_EQ(Refusal(child_.get(), kEnd), Code::kResourceExhausted);
  Begin(parent_.get(), core::kMasterId, kEnd);
  EXPECT_EQ(Refusal(parent_.get(), kEnd), Code::kOk);

  Cancel(parent_.get(), core::kMasterId, kEnd);
  Begin(child_.get(), kChild, kEnd);
  EXPECT_EQ(Refusal(child_.get(), kEnd), Code::kResourceExhausted)
      << "the end of another's call makes no room";
  Cancel(child_.get(), kChild, kFirst);
  Begin(child_.get(), kChild, kEnd);
  EXPECT_EQ(Refusal(child_.get(), kEnd), Code::kOk);
}

TEST_F(ModuleHostTest, CallsOfALostCallerAreCancelled) {
  constexpr ContextId kSibling = 500;
  constexpr ContextId kOther = 501;
  constexpr HandleId kFirst = 1000;
  constexpr HandleId kEnd = kFirst + ModuleHost::kMaxForeignCalls;
  Begin(parent_.get(), kOther, kEnd);
  for (HandleId handle = kFirst; handle < kEnd - 1; ++handle) {
    Begin(parent_.get(), kSibling, handle);
  }
  Begin(child_.get(), kChild, kEnd);
  ASSERT_EQ(Refusal(child_.get(), kEnd), Code::kResourceExhausted);
  const uint64_t before = FramesToModule();
  Lose(kSibling);
  EXPECT_EQ(FramesToModule(), before + ModuleHost::kMaxForeignCalls - 1)
      << "a CANCEL for each";
  for (HandleId handle = kEnd; handle < kEnd + ModuleHost::kMaxForeignCalls - 1;
       ++handle) {
    Begin(child_.get(), kChild, handle);
  }
  EXPECT_TRUE(child_->TakeFrames().empty());
  Begin(child_.get(), kChild, kFirst);
  EXPECT_EQ(Refusal(child_.get(), kFirst), Code::kResourceExhausted)
      << "the other's call is still there";
}

TEST_F(ModuleHostTest, ACallWaitsForTheImageOfItsModule) {
  ASSERT_EQ(Refusal(parent_.get(), 0), Code::kOk);
  const std::string digest(32, 'd');
  images_.Add(digest);
  core::LoadModule load;
  load.name = "late";
  load.platform = kPlatform;
  load.digest = digest;
  load.deflated_bytes = load.image_bytes = 10;
  load.services.push_back({"b.B", {{"Any", kPolicyAny}}});
  core::ModuleNotice notice;
  notice.kind = core::ModuleNotice::kService;
  notice.module = core::SerializeControl(load);
  OnNotice(notice);
  Begin(parent_.get(), core::kMasterId, 1000, "/b.B/Any");
  Begin(parent_.get(), core::kMasterId, 1001, "/b.B/Any");
  Cancel(parent_.get(), core::kMasterId, 1001);
  EXPECT_TRUE(parent_->TakeFrames().empty());
  OnImage(digest, core::Status(Code::kDataLoss, "wrong digest"));
  network_.Settle();
  const std::vector<core::RawFrame> frames = parent_->TakeFrames();
  ASSERT_EQ(frames.size(), 1u) << "the other one was cancelled";
  EXPECT_EQ(frames[0].header.handle, 1000u);
  core::Dead dead;
  ASSERT_TRUE(core::ParseControl(frames[0].payload, &dead));
  EXPECT_EQ(dead.message, "module late: wrong digest");
}

TEST_F(ModuleHostTest, ACallOfAnUnknownServiceAsksAboveOnce) {
  Begin(parent_.get(), core::kMasterId, 1000, "/u.U/Any");
  Begin(child_.get(), kChild, 1000, "/u.U/Any");
  const std::vector<core::RawFrame> asked = parent_->TakeFrames();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].header.handle, core::kGetModule);
  FrameHeader header;
  header.dst_id = kSelf;
  header.handle = core::kForwardModule;
  core::ModuleNotice unknown;
  unknown.kind = core::ModuleNotice::kService;
  unknown.target = kSelf;
  unknown.name = "u.U";
  unknown.code = static_cast<uint32_t>(Code::kUnimplemented);
  parent_->Send(header, core::SerializeControl(unknown));
  network_.Settle();
  EXPECT_EQ(Refusal(parent_.get(), 1000), Code::kUnimplemented);
  EXPECT_EQ(Refusal(child_.get(), 1000), Code::kUnimplemented);
  Begin(child_.get(), kChild, 1001, "/u.U/Any");
  EXPECT_EQ(Refusal(child_.get(), 1001), Code::kUnimplemented);
  EXPECT_TRUE(parent_->TakeFrames().empty()) << "it is remembered";
}

TEST_F(ModuleHostTest, AChildsCallsEndWithIt) {
  Begin(child_.get(), kChild, 1000);
  const uint64_t before = FramesToModule();
  child_->Close();
  network_.Settle();
  EXPECT_EQ(FramesToModule(), before + 1);
}

// A context that was detached has no callers, and its calls go on.
TEST_F(ModuleHostTest, CallsFromAboveOutliveTheParent) {
  Begin(parent_.get(), core::kMasterId, 1000);
  const uint64_t before = FramesToModule();
  parent_->Close();
  network_.Settle();
  EXPECT_EQ(FramesToModule(), before);
}

}  // namespace
}  // namespace ramet::importer
