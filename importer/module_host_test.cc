#include "importer/module_host.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/wire/big_endian.h"
#include "importer/testing/module_host_fixture.h"

namespace ramet::importer {
namespace {

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
  AnswerUnknown("u.U");
  EXPECT_EQ(Refusal(parent_.get(), 1000), Code::kUnimplemented);
  EXPECT_EQ(Refusal(child_.get(), 1000), Code::kUnimplemented);
  Begin(child_.get(), kChild, 1001, "/u.U/Any");
  EXPECT_EQ(Refusal(child_.get(), 1001), Code::kUnimplemented);
  EXPECT_TRUE(parent_->TakeFrames().empty()) << "it is remembered";
}

TEST_F(ModuleHostTest, ACallFromBelowAsksAnewForWhatWasUnloaded) {
  const auto unload = [](core::LoadModule* load) { load->digest.clear(); };
  const auto asked = [this] {
    size_t count = 0;
    for (const core::RawFrame& frame : parent_->TakeFrames()) {
      if (frame.header.handle == core::kGetModule) ++count;
    }
    return count;
  };
  Load("", unload);
  Begin(child_.get(), kChild, 1000);
  EXPECT_EQ(asked(), 1u);
  AnswerUnknown("a.A");
  EXPECT_EQ(Refusal(child_.get(), 1000), Code::kUnimplemented);
  Begin(child_.get(), kChild, 1001);
  EXPECT_EQ(asked(), 0u) << "it is remembered";
  EXPECT_EQ(Refusal(child_.get(), 1001), Code::kUnimplemented);
  Forget();
  Begin(child_.get(), kChild, 1002);
  EXPECT_EQ(asked(), 1u);
  Load("#!/bin/sh\nexec cat <&3 >/dev/null\n");
  host_.RetryHeld();
  network_.Settle();
  EXPECT_EQ(Refusal(child_.get(), 1002), Code::kOk);
  EXPECT_EQ(FramesToModule(), 2u) << "HELLO and the call";
}

TEST_F(ModuleHostTest, ACallAsksAgainForAnUpdateThatFoundNoRoom) {
  Begin(parent_.get(), core::kMasterId, 1000);
  std::string image;
  std::string digest;
  // An image that is wanted elsewhere takes all the room.
  CachedImage* const other = images_.Add("other");
  images_.set_max_bytes(1);
  ASSERT_TRUE(images_.Append(other, 1, 0, "").ok());
  Load(
      "#!/bin/sh\nexec cat <&3 >/dev/null # 2\n",
      [&](core::LoadModule* load) { digest = load->digest; }, &image);
  images_.Remove(images_.Find(digest));
  const auto give = [&] {
    FrameHeader header;
    header.dst_id = kSelf;
    header.handle = core::kLoadModule;
    std::string piece = digest;
    piece.resize(kLoadModulePrefixBytes);
    core::StoreBe32(piece.data() + digest.size(), image.size());
    parent_->Send(header, piece + image);
    network_.Settle();
  };
  const auto old_version = store_.FindService("a.A");
  give();
  parent_->TakeFrames();

  Begin(parent_.get(), core::kMasterId, 1001);
  EXPECT_TRUE(parent_->TakeFrames().empty()) << "there is no room yet";
  images_.Remove(other);
  images_.set_max_bytes(1000);
  Begin(parent_.get(), core::kMasterId, 1002);
  const std::vector<core::RawFrame> frames = parent_->TakeFrames();
  ASSERT_EQ(frames.size(), 1u) << "the old one serves on";
  EXPECT_EQ(frames[0].header.handle, core::kGetModule);
  EXPECT_EQ(store_.FindService("a.A"), old_version);
  give();
  EXPECT_NE(store_.FindService("a.A"), old_version);
}

TEST_F(ModuleHostTest, CallsFromBelowAskAboveOnlySoOften) {
  // With a few in flight at a time: what is unknown is answered at once.
  size_t asked = 0;
  for (HandleId handle = 1000; handle < 5000; ++handle) {
    const std::string name = "u.U" + std::to_string(handle);
    Begin(child_.get(), kChild, handle, "/" + name + "/Any");
    for (const core::RawFrame& frame : parent_->TakeFrames()) {
      if (frame.header.handle != core::kGetModule) continue;
      ++asked;
      AnswerUnknown(name);
    }
  }
  EXPECT_GT(asked, 900u);
  EXPECT_LT(asked, 1100u);
  Begin(parent_.get(), core::kMasterId, 1000, "/u.V/Any");
  EXPECT_EQ(parent_->TakeFrames().size(), 1u) << "those above may";
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
