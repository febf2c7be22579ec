#include "agent/child_images.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/base/sha256.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/big_endian.h"
#include "core/wire/control.h"
#include "importer/module_courier.h"
#include "parent/platform.h"

namespace ramet::agent {
namespace {

using core::ModuleNotice;
using importer::ModuleCourier;

constexpr core::ContextId kSelf = 3;
constexpr char kOther[] = "Linux riscv64";

// One that wants an image.
class Child final : public parent::AgentImages::Waiter {
 public:
  void OnImage(const parent::AgentImage* image) override {
    ++told;
    platform = image != nullptr ? image->platform : "none";
    bytes.clear();
    if (image != nullptr && image->packed_fd >= 0) {
      EXPECT_TRUE(parent::ReadImage(image->packed_fd, &bytes).ok());
    }
  }
  int told = 0;
  std::string platform;
  std::string bytes;
};

// The images of a context whose parent says whatever a test tells it to.
class ChildImagesTest : public testing::Test, private ModuleCourier::Local {
 protected:
  ChildImagesTest() {
    context_.router().SetSelf(kSelf, "web1");
    context_.SetAncestors({core::kMasterId});
    core::MemoryNetwork::Pair up = network_.MakePair();
    context_.router().AddParent(std::move(up.a), core::kMasterId);
    parent_ = std::make_unique<core::RawPeer>(std::move(up.b));
  }
  void OnNotice(const ModuleNotice& notice) override {
    fetcher_.OnNotice(notice);
  }
  void OnImage(std::string_view digest, const core::Status& status) override {
    fetcher_.OnImage(digest, status);
  }
  void OnAsked(const ModuleNotice&) override {}

  void Find(const std::string& uname, Child* child) {
    images_.Find(uname, child);
    network_.Settle();
  }
  size_t Questions() { return parent_->TakeFrames().size(); }
  void Answer(const std::string& uname, const std::string& image) {
    ModuleNotice notice;
    notice.kind = ModuleNotice::kAgent;
    notice.target = kSelf;
    notice.name = uname;
    if (image.empty()) {
      notice.code = static_cast<uint32_t>(core::Code::kUnimplemented);
      return Send(core::kForwardModule, core::SerializeControl(notice));
    }
    notice.digest = core::Sha256Digest(image);
    std::string payload = notice.digest;
    payload.resize(importer::kLoadModulePrefixBytes);
    core::StoreBe32(payload.data() + core::kSha256Bytes, image.size());
    Send(core::kLoadModule, payload + image);
    Send(core::kForwardModule, core::SerializeControl(notice));
  }
  void Send(core::StandardHandle handle, const std::string& payload) {
    core::FrameHeader header;
    header.dst_id = kSelf;
    header.handle = handle;
    parent_->Send(header, payload);
    network_.Settle();
  }

  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  core::Context context_{&loop_};
  importer::ImageCache cache_;
  ModuleCourier courier_{&context_, &cache_, this};
  importer::ImageFetcher fetcher_{&courier_};
  const parent::AgentImage own_{parent::ThisPlatform().name,
                                parent::ThisPlatform().uname};
  ChildImages images_{own_, &fetcher_};
  std::unique_ptr<core::RawPeer> parent_;
};

TEST_F(ChildImagesTest, ItsOwnIsHereAndTheGuessForWhatIsNot) {
  const parent::Platform own = parent::ThisPlatform();
  Child child;
  Find(own.uname, &child);
  EXPECT_EQ(child.told, 1);
  EXPECT_EQ(child.platform, own.name);
  EXPECT_EQ(images_.Guess("").platform, own.name);
  EXPECT_EQ(images_.Guess("linux-riscv64").platform, own.name);
  EXPECT_EQ(Questions(), 0u);
}

TEST_F(ChildImagesTest, AnothersIsFetchedOnceForAllWhoWantItAndKept) {
  Child first;
  Child second;
  Find(kOther, &first);
  Find(kOther, &second);
  EXPECT_EQ(first.told + second.told, 0);
  EXPECT_EQ(Questions(), 1u);
  Answer(kOther, "agent");
  EXPECT_EQ(first.told, 1);
  EXPECT_EQ(second.told, 1);
  EXPECT_EQ(first.bytes, "agent");
  EXPECT_EQ(second.platform, "linux-riscv64");
  // From now on it is here, and guessed where it is likely.
  Child later;
  Find(kOther, &later);
  EXPECT_EQ(later.bytes, "agent");
  EXPECT_EQ(images_.Guess("linux-riscv64").uname, kOther);
  EXPECT_EQ(images_.Guess("").uname, parent::ThisPlatform().uname);
  EXPECT_EQ(Questions(), 0u);
}

TEST_F(ChildImagesTest, TheMastersNoIsToldToAllWhoHaveAsked) {
  Child child;
  Child other;
  Find("SunOS sun4u", &child);
  Find(kOther, &other);
  Answer("SunOS sun4u", "");
  EXPECT_EQ(child.platform, "none");
  EXPECT_EQ(other.told, 0);
}

TEST_F(ChildImagesTest, WhoForgetsIsNotTold) {
  Child other;
  {
    Child child;
    Find(kOther, &child);
    Find(kOther, &other);
    images_.Forget(&child);
  }
  Answer(kOther, "agent");
  EXPECT_EQ(other.told, 1);
}

TEST_F(ChildImagesTest, AnotherQuestionTakesThePlaceOfTheFirst) {
  Child child;
  Find("SunOS sun4u", &child);
  Find(kOther, &child);
  Answer("SunOS sun4u", "");
  EXPECT_EQ(child.told, 0);
  Answer(kOther, "agent");
  EXPECT_EQ(child.told, 1);
}

TEST_F(ChildImagesTest, WithoutAParentThereIsNone) {
  Child child;
  Find(kOther, &child);
  parent_->Close();
  network_.Settle();
  EXPECT_EQ(child.platform, "none");
}

}  // namespace
}  // namespace ramet::agent
