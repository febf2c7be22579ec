#include "importer/module_courier.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/sha256.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/big_endian.h"
#include "core/wire/control.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::ModuleNotice;
using core::RawFrame;
using core::RawPeer;
using core::Sha256Digest;

constexpr ContextId kSelf = 3;
constexpr ContextId kLeft = 7;
constexpr ContextId kBelowLeft = 100;
constexpr ContextId kRight = 8;

// Context 3 below the master, with children 7 and 8, and 100 below 7.
class ModuleCourierTest : public testing::Test, protected ModuleCourier::Local {
 protected:
  ModuleCourierTest() {
    context_.router().SetSelf(kSelf, "web1");
    context_.SetAncestors({core::kMasterId});
    core::MemoryNetwork::Pair up = network_.MakePair();
    context_.router().AddParent(std::move(up.a), core::kMasterId);
    parent_ = std::make_unique<RawPeer>(std::move(up.b));
    left_ = AddChild(kLeft, &left_pipe_);
    right_ = AddChild(kRight, &right_pipe_);
    context_.router().RecordGrant(context_.router().LinkTo(kLeft), kBelowLeft,
                                  10);
    core::AddRoute route;
    route.id = kBelowLeft;
    Send(left_.get(), kLeft, core::kAddRoute, core::SerializeControl(route));
    parent_->TakeFrames();
  }

  std::unique_ptr<RawPeer> AddChild(ContextId id,
                                    std::shared_ptr<core::MemoryPipe>* pipe) {
    core::MemoryNetwork::Pair pair = network_.MakePair();
    *pipe = pair.a_to_b;
    context_.router().AddChild(std::move(pair.a), id, "child");
    return std::make_unique<RawPeer>(std::move(pair.b));
  }

  void OnNotice(const ModuleNotice& notice) override {
    events_.push_back((notice.code == 0 ? "announced " : "no ") + notice.name);
    if (on_notice_) on_notice_();
  }
  void OnImage(std::string_view digest, const core::Status& status) override {
    events_.push_back("image " + NameOf(digest) + ": " +
                      std::to_string(static_cast<int>(status.code())) + " " +
                      status.message());
  }
  void OnAsked(const ModuleNotice& notice) override {
    asked_.push_back(notice);
  }
  std::vector<std::string> TakeEvents() {
    std::vector<std::string> events;
    events.swap(events_);
    return events;
  }

  void Send(RawPeer* peer, ContextId src, core::StandardHandle handle,
            const std::string& payload, uint8_t flags = 0) {
    FrameHeader header;
    header.flags = flags;
    header.dst_id = kSelf;
    header.src_id = header.auth_id = src;
    header.handle = handle;
    peer->Send(header, payload);
    network_.Settle();
  }
  static std::string Prefix(const std::string& image, uint32_t total,
                            uint32_t offset) {
    std::string prefix = Sha256Digest(image);
    prefix.resize(kLoadModulePrefixBytes);
    core::StoreBe32(prefix.data() + 32, total);
    core::StoreBe32(prefix.data() + 36, offset);
    return prefix;
  }
  // Bytes [offset, offset + count) of `image`, from the parent.
  void Load(const std::string& image, size_t offset = 0,
            size_t count = std::string::npos) {
    Send(parent_.get(), core::kMasterId, core::kLoadModule,
         Prefix(image, image.size(), offset) + image.substr(offset, count));
  }
  void LoadAll(const std::string& image) {
    for (size_t at = 0; at < image.size(); at += 60'000) {
      Load(image, at, 60'000);
    }
  }
  void Forward(ContextId target, const std::string& image,
               const std::string& name = "") {
    ModuleNotice notice;
    notice.kind = ModuleNotice::kService;
    notice.target = target;
    notice.name = name;
    notice.digest = Sha256Digest(image);
    Send(parent_.get(), core::kMasterId, core::kForwardModule,
         core::SerializeControl(notice));
  }
  void Unknown(ContextId target, const std::string& name,
               Code code = Code::kUnimplemented) {
    ModuleNotice notice;
    notice.kind = ModuleNotice::kService;
    notice.target = target;
    notice.name = name;
    notice.code = static_cast<uint32_t>(code);
    Send(parent_.get(), core::kMasterId, core::kForwardModule,
         core::SerializeControl(notice));
  }
  void Get(RawPeer* peer, ContextId src, const ModuleNotice& notice) {
    Send(peer, src, core::kGetModule, core::SerializeControl(notice));
  }
  void GetImage(RawPeer* peer, ContextId src, const std::string& image) {
    ModuleNotice notice;
    notice.digest = Sha256Digest(image);
    Get(peer, src, notice);
  }
  void GetService(RawPeer* peer, ContextId src, ContextId target,
                  const std::string& name) {
    ModuleNotice notice;
    notice.kind = ModuleNotice::kService;
    notice.target = target;
    notice.name = name;
    Get(peer, src, notice);
  }

  std::string NameOf(std::string_view digest) const {
    for (const auto& [name, image] : names_) {
      if (Sha256Digest(image) == digest) return name;
    }
    return "?";
  }
  // What a peer got, in words: "load a 0+5", "open a", "fail a 8 text",
  // "forward to 7 a", "unknown to 7 x.X", "get a", "get service x.X for 7".
  std::vector<std::string> Got(RawPeer* peer) {
    std::vector<std::string> got;
    for (const RawFrame& frame : peer->TakeFrames()) {
      got.push_back(InWords(frame));
    }
    return got;
  }
  std::string InWords(const RawFrame& frame) const {
    if (frame.header.handle == core::kLoadModule) {
      const std::string name = NameOf(frame.payload.substr(0, 32));
      const uint32_t total = core::LoadBe32(frame.payload.data() + 32);
      const std::string rest = frame.payload.substr(kLoadModulePrefixBytes);
      if (frame.header.dead()) {
        return "fail " + name + " " + std::to_string(total) + " " + rest;
      }
      if (total == 0) return "open " + name;
      return "load " + name + " " +
             std::to_string(core::LoadBe32(frame.payload.data() + 36)) + "+" +
             std::to_string(rest.size());
    }
    ModuleNotice notice;
    if (!core::ParseControl(frame.payload, &notice)) return "malformed";
    if (frame.header.handle == core::kGetModule) {
      return notice.kind == ModuleNotice::kImage
                 ? "get " + NameOf(notice.digest)
                 : "get service " + notice.name + " for " +
                       std::to_string(notice.target);
    }
    if (frame.header.handle != core::kForwardModule)
      return frame.header.ToString();
    if (notice.kind == ModuleNotice::kForget) return "forget";
    return notice.code != 0 ? "unknown to " + std::to_string(notice.target) +
                                  " " + notice.name
                            : "forward to " + std::to_string(notice.target) +
                                  " " + NameOf(notice.digest);
  }
  using Words = std::vector<std::string>;

  const std::string a_ = "image a";
  const std::string b_ = std::string(3'000'000, 'b');
  const std::map<std::string, std::string> names_{{"a", a_}, {"b", b_}};
  std::vector<std::string> events_;
  std::function<void()> on_notice_;
  std::vector<ModuleNotice> asked_;
  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  core::Context context_{&loop_};
  ImageCache cache_;
  ModuleCourier courier_{&context_, &cache_, this};
  std::unique_ptr<RawPeer> parent_;
  std::unique_ptr<RawPeer> left_;
  std::unique_ptr<RawPeer> right_;
  std::shared_ptr<core::MemoryPipe> left_pipe_;
  std::shared_ptr<core::MemoryPipe> right_pipe_;
};

TEST_F(ModuleCourierTest, TakesWhatIsForThisContext) {
  Load(a_);
  Forward(kSelf, a_);
  EXPECT_EQ(TakeEvents(), (Words{"image a: 0 ", "announced "}));
  ASSERT_NE(courier_.Fetch(Sha256Digest(a_)), nullptr);
  EXPECT_TRUE(courier_.Fetch(Sha256Digest(a_))->complete);
  EXPECT_TRUE(parent_->frames().empty()) << "nothing was asked for";
}

TEST_F(ModuleCourierTest, BringsAnImageOnceOverEachLink) {
  Load(a_);
  Forward(kLeft, a_);
  EXPECT_EQ(Got(left_.get()),
            (Words{"open a", "forward to 7 a", "load a 0+7"}));
  Forward(kBelowLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"forward to 100 a"}));
  Forward(kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"forward to 7 a"}));
  EXPECT_TRUE(right_->frames().empty());
  Forward(kRight, a_);
  EXPECT_EQ(Got(right_.get()),
            (Words{"open a", "forward to 8 a", "load a 0+7"}));
  EXPECT_TRUE(parent_->frames().empty());
}

TEST_F(ModuleCourierTest, PassesPiecesOnAsTheyArrive) {
  Load(b_, 0, 60'000);
  Forward(kLeft, b_);
  EXPECT_EQ(Got(left_.get()),
            (Words{"open b", "forward to 7 b", "load b 0+60000"}));
  Load(b_, 60'000, 60'000);
  EXPECT_EQ(Got(left_.get()), (Words{"load b 60000+60000"}));
  EXPECT_TRUE(TakeEvents().empty());
}

TEST_F(ModuleCourierTest, AnImageNeverFillsALink) {
  LoadAll(b_);
  left_->Pause(true);
  left_pipe_->capacity = 1000;
  Forward(kLeft, b_);
  EXPECT_LE(context_.router().LinkTo(kLeft)->queued_bytes(),
            core::Link::kHighWatermarkBytes + core::kMaxPayloadBytes + 1000);
  left_->Pause(false);
  left_pipe_->capacity = 1 << 20;
  network_.Wake();
  network_.Settle();
  size_t bytes = 0;
  for (const RawFrame& frame : left_->TakeFrames()) {
    if (frame.header.handle == core::kLoadModule) {
      bytes += frame.payload.size() - kLoadModulePrefixBytes;
    }
  }
  EXPECT_EQ(bytes, b_.size());
  EXPECT_EQ(cache_.Find(Sha256Digest(b_))->pins, 0u);
}

TEST_F(ModuleCourierTest, AsksOnceForAnImageThatManyWant) {
  Forward(kLeft, a_);
  Forward(kRight, a_);
  GetImage(left_.get(), kLeft, a_);
  GetImage(right_.get(), kRight, a_);
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(courier_.Fetch(Sha256Digest(a_))->complete, false);
  EXPECT_EQ(Got(parent_.get()), (Words{"get a"}));
  Load(a_);
  EXPECT_EQ(Got(left_.get()),
            (Words{"open a", "forward to 7 a", "load a 0+7"}));
  EXPECT_EQ(Got(right_.get()),
            (Words{"open a", "forward to 8 a", "load a 0+7"}));
  EXPECT_EQ(TakeEvents(), (Words{"image a: 0 "}));
}

TEST_F(ModuleCourierTest, AChildThatLostAnImageGetsItAgain) {
  Load(a_);
  Forward(kLeft, a_);
  left_->TakeFrames();
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"open a", "load a 0+7"}));
  EXPECT_TRUE(parent_->frames().empty());
}

TEST_F(ModuleCourierTest, AChildThatAsksForWhatIsOnItsWayGetsItFromTheStart) {
  Load(b_, 0, 60'000);
  Forward(kLeft, b_);
  left_->TakeFrames();
  GetImage(left_.get(), kLeft, b_);
  EXPECT_EQ(Got(left_.get()), (Words{"load b 0+60000"}));
  Load(b_, 60'000, 60'000);
  EXPECT_EQ(Got(left_.get()), (Words{"load b 60000+60000"}));
}

TEST_F(ModuleCourierTest, AnImageThatWasEvictedIsFetchedAgain) {
  cache_.set_max_bytes(b_.size());
  Load(a_);
  Forward(kLeft, a_);
  LoadAll(b_);
  ASSERT_EQ(cache_.Find(Sha256Digest(a_)), nullptr);
  left_->TakeFrames();
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(parent_.get()), (Words{"get a"}));
}

TEST_F(ModuleCourierTest, AChildThatKeepsImagesIsAskedFirst) {
  context_.router().LinkTo(kLeft)->set_keeps_images(true);
  Load(a_);
  Forward(kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"forward to 7 a"}));
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"open a", "load a 0+7"}));
}

TEST_F(ModuleCourierTest, TellsAllWhoWaitThatAnImageDoesNotCome) {
  Forward(kLeft, a_);
  Forward(kRight, a_);
  std::string failure = Prefix(a_, 14, 0) + "not any more";
  Send(parent_.get(), core::kMasterId, core::kLoadModule, failure,
       core::kFlagDead);
  EXPECT_EQ(Got(left_.get()),
            (Words{"open a", "forward to 7 a", "fail a 14 not any more"}));
  EXPECT_EQ(Got(right_.get()),
            (Words{"open a", "forward to 8 a", "fail a 14 not any more"}));
  EXPECT_EQ(TakeEvents(), (Words{"image a: 14 not any more"}));
  parent_->TakeFrames();
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(parent_.get()), (Words{"get a"})) << "it may be there later";
  EXPECT_EQ(Got(left_.get()), (Words{"open a"}));
  Forward(kRight, a_);
  EXPECT_EQ(Got(right_.get()), (Words{"open a", "forward to 8 a"}));
}

TEST_F(ModuleCourierTest, AChildGetsNoImageThatWasNotAnnouncedToIt) {
  const std::string fails = "fail a 9 its image was not announced";
  Load(a_);
  Forward(kSelf, a_);
  Forward(kRight, a_);
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{fails})) << "the digest is no key";
  EXPECT_TRUE(parent_->frames().empty()) << "nobody was asked in its name";
  Forward(kBelowLeft, a_);
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"open a", "forward to 100 a", "load a 0+7",
                                     "open a", "load a 0+7"}))
      << "it was for who is below it";
}

TEST_F(ModuleCourierTest, WhatIsAnnouncedUnderAnotherTargetIsNoLeave) {
  Load(a_);
  // There is no route to these: the announcement goes nowhere.
  for (const ContextId target : {9u, 101u, core::kMasterId}) {
    Forward(target, a_);
  }
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"fail a 9 its image was not announced"}));
}

TEST_F(ModuleCourierTest, TheNextChildOfThatIdAsksInVain) {
  Load(a_);
  Forward(kLeft, a_);
  left_->Close();
  network_.Settle();
  left_ = AddChild(kLeft, &left_pipe_);
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"fail a 9 its image was not announced"}));
}

TEST_F(ModuleCourierTest, OfManyAnnouncedToAChildTheOldestIsForgotten) {
  for (const core::Link* link : context_.router().children()) {
    context_.router().LinkTo(link->peer_id())->set_keeps_images(true);
  }
  Load(a_);
  Forward(kRight, a_);
  Forward(kLeft, a_);
  for (size_t i = 1; i < ModuleCourier::kMaxGivenToChild; ++i) {
    Forward(kLeft, std::to_string(i));
  }
  left_->TakeFrames();
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"open a", "load a 0+7"}));
  Forward(kLeft, "one more");
  left_->TakeFrames();
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"fail a 9 its image was not announced"}));
  right_->TakeFrames();
  GetImage(right_.get(), kRight, a_);
  EXPECT_EQ(Got(right_.get()), (Words{"open a", "load a 0+7"}))
      << "another child loses nothing";
  Forward(kLeft, a_);
  left_->TakeFrames();
  GetImage(left_.get(), kLeft, a_);
  EXPECT_EQ(Got(left_.get()), (Words{"open a", "load a 0+7"}));
}

TEST_F(ModuleCourierTest, WhatIsOnItsWayIsNotForgotten) {
  Load(b_, 0, 60'000);
  Forward(kLeft, b_);
  context_.router().LinkTo(kLeft)->set_keeps_images(true);
  for (size_t i = 0; i < 2 * ModuleCourier::kMaxGivenToChild; ++i) {
    Forward(kLeft, std::to_string(i));
  }
  left_->TakeFrames();
  Load(b_, 60'000, 60'000);
  EXPECT_EQ(Got(left_.get()), (Words{"load b 60000+60000"}));
}

TEST_F(ModuleCourierTest, ACorruptImageIsPassedOnToNobodyAsGood) {
  Forward(kLeft, a_);
  Send(parent_.get(), core::kMasterId, core::kLoadModule,
       Prefix(a_, 7, 0) + "image x");
  const Words got = Got(left_.get());
  EXPECT_EQ(got.back(), "fail a 15 wrong digest");
  EXPECT_EQ(TakeEvents(), (Words{"image a: 15 wrong digest"}));
  EXPECT_EQ(cache_.Find(Sha256Digest(a_)), nullptr);
}

TEST_F(ModuleCourierTest, BelievesNobodyButTheParent) {
  const std::string load = Prefix(a_, a_.size(), 0) + a_;
  Send(left_.get(), kLeft, core::kLoadModule, load);
  Send(parent_.get(), 500, core::kLoadModule, load);
  ModuleNotice notice;
  notice.kind = ModuleNotice::kService;
  notice.target = kSelf;
  Send(left_.get(), kLeft, core::kForwardModule,
       core::SerializeControl(notice));
  Send(parent_.get(), 500, core::kForwardModule,
       core::SerializeControl(notice));
  EXPECT_EQ(cache_.size(), 0u);
  EXPECT_TRUE(TakeEvents().empty());
}

TEST_F(ModuleCourierTest, OnlyTheChildItselfMayAsk) {
  GetImage(left_.get(), kBelowLeft, a_);
  ModuleNotice notice;
  notice.digest = Sha256Digest(a_);
  Send(parent_.get(), core::kMasterId, core::kGetModule,
       core::SerializeControl(notice));
  EXPECT_EQ(cache_.size(), 0u);
}

TEST_F(ModuleCourierTest, PassesQuestionsForNamesUpAndAnswersDown) {
  GetService(left_.get(), kLeft, kBelowLeft, "x.X");
  EXPECT_EQ(Got(parent_.get()), (Words{"get service x.X for 100"}));
  Load(a_);
  Forward(kBelowLeft, a_, "x.X");
  EXPECT_EQ(Got(left_.get()),
            (Words{"open a", "forward to 100 a", "load a 0+7"}));
}

TEST_F(ModuleCourierTest, AChildAsksOnlyForWhoIsBelowIt) {
  for (const ContextId target : {kSelf, kRight, core::kMasterId, 101u}) {
    GetService(left_.get(), kLeft, target, "x.X");
  }
  EXPECT_TRUE(parent_->frames().empty());
}

TEST_F(ModuleCourierTest, AChildAsksOnlyForWhatThereIs) {
  // What a parent says, and what would be a service if it were cut to a byte.
  for (const uint32_t kind : {3u, 4u, 256u + ModuleNotice::kService}) {
    ModuleNotice notice;
    notice.kind = kind;
    notice.target = kLeft;
    notice.name = "x.X";
    Get(left_.get(), kLeft, notice);
  }
  EXPECT_TRUE(parent_->frames().empty());
  EXPECT_TRUE(right_->frames().empty());
}

TEST_F(ModuleCourierTest, WhatIsUnknownIsRememberedUntilToldToForget) {
  GetService(left_.get(), kLeft, kLeft, "x.X");
  Unknown(kLeft, "x.X");
  EXPECT_EQ(Got(left_.get()), (Words{"unknown to 7 x.X"}));
  parent_->TakeFrames();
  GetService(right_.get(), kRight, kRight, "x.X");
  EXPECT_EQ(Got(right_.get()), (Words{"unknown to 8 x.X"}));
  EXPECT_FALSE(courier_.Ask(ModuleNotice::kService, "x.X"));
  EXPECT_TRUE(parent_->frames().empty()) << "nobody above was asked";
  GetService(right_.get(), kRight, kRight, "x.X2");
  GetService(right_.get(), kRight, kRight, "x");
  ModuleNotice agent;
  agent.kind = ModuleNotice::kAgent;
  agent.target = kRight;
  agent.name = "x.X";
  Get(right_.get(), kRight, agent);
  EXPECT_EQ(Got(parent_.get()).size(), 3u) << "other names, another kind";

  ModuleNotice forget;
  forget.kind = ModuleNotice::kForget;
  Send(parent_.get(), core::kMasterId, core::kForwardModule,
       core::SerializeControl(forget));
  EXPECT_EQ(Got(left_.get()), (Words{"forget"}));
  EXPECT_EQ(Got(right_.get()), (Words{"forget"}));
  EXPECT_TRUE(courier_.Ask(ModuleNotice::kService, "x.X"));
  network_.Settle();
  EXPECT_EQ(Got(parent_.get()), (Words{"get service x.X for 3"}));
}

TEST_F(ModuleCourierTest, AnotherFailureIsNotRemembered) {
  Unknown(kLeft, "x.X", Code::kUnavailable);
  GetService(right_.get(), kRight, kRight, "x.X");
  EXPECT_EQ(Got(parent_.get()), (Words{"get service x.X for 8"}));
}

// Who retries in OnNotice() must not ask for ever.
TEST_F(ModuleCourierTest, AFailureHoldsForWhoHasWaited) {
  EXPECT_TRUE(courier_.Ask(ModuleNotice::kService, "x.X"));
  network_.Settle();
  parent_->TakeFrames();
  on_notice_ = [this] {
    EXPECT_FALSE(courier_.Ask(ModuleNotice::kService, "x.X"));
  };
  Unknown(kSelf, "x.X", Code::kFailedPrecondition);
  EXPECT_EQ(TakeEvents(), (Words{"no x.X"}));
  on_notice_ = nullptr;
  EXPECT_TRUE(parent_->frames().empty());
  EXPECT_TRUE(courier_.Ask(ModuleNotice::kService, "x.X"));
}

TEST_F(ModuleCourierTest, AsksOnceForANameOfItsOwn) {
  EXPECT_TRUE(courier_.Ask(ModuleNotice::kService, "x.X"));
  EXPECT_TRUE(courier_.Ask(ModuleNotice::kService, "x.X"));
  network_.Settle();
  EXPECT_EQ(Got(parent_.get()), (Words{"get service x.X for 3"}));
  Unknown(kSelf, "x.X");
  EXPECT_EQ(TakeEvents(), (Words{"no x.X"}));
  EXPECT_FALSE(courier_.Ask(ModuleNotice::kService, "x.X"));
}

TEST_F(ModuleCourierTest, WhatItRemembersOfNamesIsBounded) {
  const std::string long_name(ModuleCourier::kMaxNameBytes, 'x');
  EXPECT_FALSE(courier_.Ask(ModuleNotice::kService, long_name + "x"));
  EXPECT_FALSE(courier_.Ask(ModuleNotice::kService, std::string("a\0b", 3)));
  size_t asked = 0;
  while (courier_.Ask(ModuleNotice::kService,
                      long_name.substr(9) + std::to_string(asked))) {
    ASSERT_LT(++asked, 1000u);
  }
  EXPECT_GT(asked, 50u);
  for (int i = 0; i < 1000; ++i) {
    Unknown(kLeft, long_name.substr(9) + std::to_string(i));
  }
  parent_->TakeFrames();
  GetService(right_.get(), kRight, kRight, long_name.substr(9) + "999");
  GetService(right_.get(), kRight, kRight, long_name.substr(9) + "0");
  EXPECT_EQ(parent_->TakeFrames().size(), 1u) << "the oldest were forgotten";
}

TEST_F(ModuleCourierTest, ALostChildIsForgotten) {
  Forward(kLeft, b_);
  Load(b_, 0, 60'000);
  EXPECT_EQ(cache_.Find(Sha256Digest(b_))->pins, 1u);
  left_->Close();
  network_.Settle();
  EXPECT_EQ(cache_.Find(Sha256Digest(b_))->pins, 0u);
}

TEST_F(ModuleCourierTest, WithoutAParentNothingComesAnyMore) {
  Forward(kLeft, a_);
  EXPECT_TRUE(courier_.Ask(ModuleNotice::kService, "x.X"));
  network_.Settle();
  parent_->Close();
  network_.Settle();
  EXPECT_EQ(TakeEvents(), (Words{"image a: 14 the parent is gone", "no "}));
  EXPECT_EQ(Got(left_.get()).back(), "fail a 14 the parent is gone");
  EXPECT_EQ(courier_.Fetch(Sha256Digest(a_)), nullptr);
  EXPECT_EQ(asked_.size(), 1u);
}

TEST_F(ModuleCourierTest, WhoAsksForImagesWithoutEndIsSlowedDown) {
  const core::Link* const link = context_.router().LinkTo(kLeft);
  int asked = 0;
  while (!link->paused()) {
    ASSERT_LT(++asked, 1000);
    GetImage(left_.get(), kLeft, "nothing " + std::to_string(asked));
  }
  EXPECT_GT(asked, 50);
  EXPECT_FALSE(context_.router().LinkTo(kRight)->paused());
}

TEST_F(ModuleCourierTest, DropsWhatIsMalformed) {
  for (size_t size = 0; size < kLoadModulePrefixBytes; ++size) {
    Send(parent_.get(), core::kMasterId, core::kLoadModule,
         std::string(size, '\x01'));
  }
  Load(a_, 3, 2);
  Send(parent_.get(), core::kMasterId, core::kForwardModule, "\x0a\x7f");
  Send(left_.get(), kLeft, core::kGetModule, "\x0a\x7f");
  ModuleNotice notice;
  notice.digest = "short";
  Get(left_.get(), kLeft, notice);
  notice.target = kLeft;
  Send(parent_.get(), core::kMasterId, core::kForwardModule,
       core::SerializeControl(notice));
  EXPECT_EQ(cache_.size(), 0u);
  EXPECT_TRUE(TakeEvents().empty());
  EXPECT_TRUE(parent_->frames().empty());
}

}  // namespace
}  // namespace ramet::importer
