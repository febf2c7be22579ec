#include "importer/image_fetcher.h"

#include <gtest/gtest.h>

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
#include "importer/module_courier.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::ModuleNotice;
using core::Sha256Digest;
using core::Status;

constexpr core::ContextId kSelf = 3;

class ImageFetcherTest : public testing::Test, private ModuleCourier::Local {
 protected:
  ImageFetcherTest() {
    context_.router().SetSelf(kSelf, "web1");
    context_.SetAncestors({core::kMasterId});
    core::MemoryNetwork::Pair up = network_.MakePair();
    context_.router().AddParent(std::move(up.a), core::kMasterId);
    parent_ = std::make_unique<core::RawPeer>(std::move(up.b));
  }
  void OnNotice(const ModuleNotice& notice) override {
    fetcher_.OnNotice(notice);
  }
  void OnImage(std::string_view digest, const Status& status) override {
    fetcher_.OnImage(digest, status);
  }
  void OnAsked(const ModuleNotice&) override {}

  void Get(const std::string& name) {
    fetcher_.Get(
        ModuleNotice::kAgent, name,
        [this, name](const Status& status, std::string_view bytes) {
          got_.push_back(name + " " +
                         std::to_string(static_cast<int>(status.code())) + " " +
                         std::string(bytes));
        });
    network_.Settle();
  }
  void Answer(const std::string& name, const std::string& image, Code code) {
    ModuleNotice notice;
    notice.kind = ModuleNotice::kAgent;
    notice.target = kSelf;
    notice.name = name;
    notice.code = static_cast<uint32_t>(code);
    if (code == Code::kOk) notice.digest = Sha256Digest(image);
    Send(core::kForwardModule, core::SerializeControl(notice));
  }
  void Load(const std::string& image, const std::string& bytes) {
    std::string payload = Sha256Digest(image);
    payload.resize(kLoadModulePrefixBytes);
    core::StoreBe32(payload.data() + 32, image.size());
    Send(core::kLoadModule, payload + bytes);
  }
  void Send(core::StandardHandle handle, const std::string& payload) {
    core::FrameHeader header;
    header.dst_id = kSelf;
    header.handle = handle;
    parent_->Send(header, payload);
    network_.Settle();
  }
  std::vector<std::string> TakeGot() {
    std::vector<std::string> got;
    got.swap(got_);
    return got;
  }
  using Words = std::vector<std::string>;

  std::vector<std::string> got_;
  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  core::Context context_{&loop_};
  ImageCache cache_;
  ModuleCourier courier_{&context_, &cache_, this};
  ImageFetcher fetcher_{&courier_};
  std::unique_ptr<core::RawPeer> parent_;
};

TEST_F(ImageFetcherTest, AsksOnceForAllAndGivesEachTheImage) {
  Get("linux-aarch64");
  Get("linux-aarch64");
  ASSERT_EQ(parent_->TakeFrames().size(), 1u);
  Answer("linux-aarch64", "agent", Code::kOk);
  EXPECT_TRUE(TakeGot().empty());
  // Sent ahead or asked for: both are answered by the image.
  Load("agent", "agent");
  EXPECT_EQ(TakeGot(),
            (Words{"linux-aarch64 0 agent", "linux-aarch64 0 agent"}));
}

TEST_F(ImageFetcherTest, AnImageThatIsHereIsGivenWithTheAnswer) {
  Load("agent", "agent");
  Get("linux-aarch64");
  Answer("linux-aarch64", "agent", Code::kOk);
  EXPECT_EQ(TakeGot(), (Words{"linux-aarch64 0 agent"}));
}

TEST_F(ImageFetcherTest, WhatIsUnknownIsToldAndRemembered) {
  Get("linux-sparc");
  Get("linux-aarch64");
  Answer("linux-sparc", "", Code::kUnimplemented);
  EXPECT_EQ(TakeGot(), (Words{"linux-sparc 12 "}));
  Get("linux-sparc");
  EXPECT_EQ(TakeGot(), (Words{"linux-sparc 12 "}));
  EXPECT_EQ(parent_->TakeFrames().size(), 2u);
}

TEST_F(ImageFetcherTest, ADamagedImageIsAnError) {
  Get("linux-aarch64");
  Answer("linux-aarch64", "agent", Code::kOk);
  Load("agent", "agenT");
  EXPECT_EQ(TakeGot(), (Words{"linux-aarch64 15 "}));
}

// Who is told that nothing comes may close what the others have waited for.
TEST_F(ImageFetcherTest, WhoIsToldMayMakeTheOthersEnd) {
  const auto nothing_comes = [this] {
    ModuleNotice nothing;
    nothing.code = static_cast<uint32_t>(Code::kUnavailable);
    fetcher_.OnNotice(nothing);
  };
  for (int i = 0; i < 3; ++i) {
    fetcher_.Get(
        ModuleNotice::kAgent, "linux-aarch64",
        [this, i, nothing_comes](const Status& status, std::string_view bytes) {
          got_.push_back(std::to_string(i) + " " +
                         std::to_string(static_cast<int>(status.code())) + " " +
                         std::string(bytes));
          nothing_comes();
        });
  }
  Answer("linux-aarch64", "", Code::kUnimplemented);
  EXPECT_EQ(TakeGot(), (Words{"2 12 ", "1 14 ", "0 14 "}));
}

TEST_F(ImageFetcherTest, WhoIsGivenAnImageMayMakeTheOthersEnd) {
  for (int i = 0; i < 3; ++i) {
    fetcher_.Get(
        ModuleNotice::kAgent, "linux-aarch64",
        [this, i](const Status& status, std::string_view bytes) {
          got_.push_back(std::to_string(i) + " " +
                         std::to_string(static_cast<int>(status.code())) + " " +
                         std::string(bytes));
          fetcher_.OnImage(Sha256Digest("agent"),
                           Status(Code::kUnavailable, "gone"));
        });
  }
  Answer("linux-aarch64", "agent", Code::kOk);
  Load("agent", "agent");
  EXPECT_EQ(TakeGot(), (Words{"2 0 agent", "1 14 agent", "0 14 agent"}));
}

TEST_F(ImageFetcherTest, WhoIsToldMayAskForMore) {
  fetcher_.Get(ModuleNotice::kAgent, "linux-sparc",
               [this](const Status&, std::string_view) {
                 Get("linux-sparc");
                 Get("linux-aarch64");
               });
  Answer("linux-sparc", "", Code::kUnimplemented);
  EXPECT_EQ(TakeGot(), (Words{"linux-sparc 12 "}));
  Answer("linux-aarch64", "agent", Code::kOk);
  Load("agent", "agent");
  EXPECT_EQ(TakeGot(), (Words{"linux-aarch64 0 agent"}));
}

TEST_F(ImageFetcherTest, NothingComesWithoutAParent) {
  Get("linux-aarch64");
  Get("linux-sparc");
  Answer("linux-aarch64", "agent", Code::kOk);
  parent_->Close();
  network_.Settle();
  EXPECT_EQ(TakeGot(), (Words{"linux-aarch64 14 ", "linux-sparc 14 "}));
}

}  // namespace
}  // namespace ramet::importer
