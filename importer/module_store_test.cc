#include "importer/module_store.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <functional>
#include <memory>
#include <string>

#include "core/base/sha256.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "importer/image_cache.h"
#include "importer/module_courier.h"
#include "importer/module_locks.h"
#include "parent/agent_image.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::Status;

constexpr char kPlatform[] = "linux-x86_64";

std::string Deflate(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  EXPECT_EQ(
      compress(reinterpret_cast<Bytef*>(out.data()), &size,
               reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()),
      Z_OK);
  out.resize(size);
  return out;
}

// A store whose contexts above have what images_above_ has.
class ModuleStoreTest : public testing::Test, private ModuleCourier::Local {
 protected:
  void OnNotice(const core::ModuleNotice& notice) override {
    if (notice.code == 0) store_.OnAnnounced(notice, locks_);
    if (on_answer_) on_answer_();
  }
  void OnImage(std::string_view, const Status&) override {}
  void OnAsked(const core::ModuleNotice& notice) override {
    ++asked_;
    asked_for_ = notice.name;
    if (notice.kind != core::ModuleNotice::kImage) return;
    if (core::Sha256Digest(above_) != notice.digest) return;
    (void)cache_.Append(cache_.Find(notice.digest), above_.size(), 0, above_);
  }

  core::LoadModule MakeModule(const std::string& service,
                              const std::string& image) {
    core::LoadModule load;
    load.name = "module of " + service;
    load.platform = kPlatform;
    load.digest = core::Sha256Digest(Deflate(image));
    load.deflated_bytes = Deflate(image).size();
    load.image_bytes = image.size();
    load.services.push_back({service, {{"SayHello", 0}, {"SayBye", 1}}});
    return load;
  }
  void Announce(const core::LoadModule& load) {
    core::ModuleNotice notice;
    notice.module = core::SerializeControl(load);
    store_.OnAnnounced(notice, locks_);
  }
  // What makes `image`, of bytes that are all new, as long as `base` is there.
  static std::string PatchTo(const std::string& image) {
    return std::string({'\0', static_cast<char>(image.size()), '\0'}) + image;
  }
  core::LoadModule MakePatched(const std::string& service,
                               const std::string& image,
                               const core::LoadModule& base) {
    const std::string patch = PatchTo(image);
    core::LoadModule load = MakeModule(service, patch);
    load.image_bytes = image.size();
    load.base = base.digest;
    load.patch_bytes = patch.size();
    load.image_digest = core::Sha256Digest(image);
    return load;
  }
  void PutImage(const std::string& image) {
    const std::string deflated = Deflate(image);
    CachedImage* const cached = cache_.Add(core::Sha256Digest(deflated));
    ASSERT_TRUE(cache_.Append(cached, deflated.size(), 0, deflated).ok());
  }
  Status MakeReady(const std::string& service, bool* later) {
    const auto module = store_.FindService(service);
    if (module == nullptr) return Status(Code::kNotFound, "none");
    return store_.MakeReady(module.get(), later);
  }
  // The executable, or what is in its place.
  std::string ImageOf(const std::string& service) {
    bool later = false;
    const Status status = MakeReady(service, &later);
    if (later) return "later";
    if (!status.ok()) return status.message();
    std::string bytes;
    EXPECT_TRUE(
        parent::ReadImage(store_.FindService(service)->image.get(), &bytes)
            .ok());
    return bytes;
  }

  std::string above_;  // an image, deflated
  std::string locks_;
  std::function<void()> on_answer_;
  int asked_ = 0;
  std::string asked_for_;
  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::Context context_{&loop_};
  ImageCache cache_;
  ModuleCourier courier_{&context_, &cache_, this};
  ModuleStore store_{kPlatform, &courier_};
};

TEST_F(ModuleStoreTest, MakesTheExecutableAtTheFirstCall) {
  EXPECT_EQ(store_.FindService("a.A"), nullptr);
  PutImage("image");
  Announce(MakeModule("a.A", "image"));
  ASSERT_NE(store_.FindService("a.A"), nullptr);
  EXPECT_FALSE(store_.FindService("a.A")->image.valid());
  EXPECT_EQ(ImageOf("a.A"), "image");
  EXPECT_EQ(ImageOf("a.A"), "image");
  EXPECT_EQ(store_.FindService("a.B"), nullptr);
  EXPECT_EQ(asked_, 0);
}

TEST_F(ModuleStoreTest, AnImageThatWasInflatedIsKeptForChildrenOnly) {
  PutImage("image");
  Announce(MakeModule("a.A", "image"));
  PutImage("related");
  Announce(MakeModule("a.C", "related"));
  EXPECT_EQ(ImageOf("a.A"), "image");
  EXPECT_EQ(cache_.size(), 2u);
  store_.ReleaseImages();
  EXPECT_EQ(cache_.size(), 1u) << "that of which there is no executable";
  EXPECT_EQ(ImageOf("a.C"), "related");
  store_.ReleaseImages();
  EXPECT_EQ(cache_.size(), 0u);
  EXPECT_EQ(ImageOf("a.A"), "image") << "the executable is still there";
  EXPECT_EQ(asked_, 0);

  core::MemoryNetwork network(&loop_);
  context_.router().AddChild(network.MakePair().a, 7, "child");
  PutImage("another");
  Announce(MakeModule("a.B", "another"));
  EXPECT_EQ(ImageOf("a.B"), "another");
  store_.ReleaseImages();
  EXPECT_EQ(cache_.size(), 1u);
}

TEST_F(ModuleStoreTest, AVersionWithTheSameImageNeedsNoImage) {
  PutImage("image");
  Announce(MakeModule("a.A", "image"));
  EXPECT_EQ(ImageOf("a.A"), "image");
  store_.ReleaseImages();
  const auto first = store_.FindService("a.A");
  core::LoadModule second = MakeModule("a.A", "image");
  second.idle_ms = 1;
  Announce(second);
  EXPECT_NE(store_.FindService("a.A"), first) << "at once";
  EXPECT_EQ(ImageOf("a.A"), "image");
  EXPECT_EQ(asked_, 0);
}

TEST_F(ModuleStoreTest, WaitsForAnImageThatArrives) {
  const std::string deflated = Deflate("image");
  cache_.Add(core::Sha256Digest(deflated));
  Announce(MakeModule("a.A", "image"));
  EXPECT_EQ(ImageOf("a.A"), "later");
  CachedImage* const image = cache_.Find(core::Sha256Digest(deflated));
  ASSERT_TRUE(cache_.Append(image, deflated.size(), 0, deflated).ok());
  EXPECT_EQ(ImageOf("a.A"), "image");
}

TEST_F(ModuleStoreTest, FetchesAnImageThatIsNotHere) {
  above_ = Deflate("image");
  Announce(MakeModule("a.A", "image"));
  EXPECT_EQ(asked_, 1);
  cache_.Remove(cache_.Find(core::Sha256Digest(above_)));
  EXPECT_EQ(ImageOf("a.A"), "image") << "also one that was evicted";
  EXPECT_EQ(asked_, 2);
}

TEST_F(ModuleStoreTest, AnImageThatIsNowhereIsAnError) {
  Announce(MakeModule("a.A", "image"));
  bool later = false;
  EXPECT_EQ(MakeReady("a.A", &later).code(), Code::kResourceExhausted);
  EXPECT_FALSE(later);
}

TEST_F(ModuleStoreTest, AFailureIsToldUntilItIsCleared) {
  above_ = Deflate("image");
  Announce(MakeModule("a.A", "image"));
  const std::string digest = core::Sha256Digest(above_);
  store_.SetFailure(digest, Status(Code::kDataLoss, "wrong digest"));
  EXPECT_EQ(ImageOf("a.A"), "module module of a.A: wrong digest");
  store_.SetFailure(digest, Status());
  EXPECT_EQ(ImageOf("a.A"), "image");
}

TEST_F(ModuleStoreTest, AnImageForAnotherPlatformIsReplacedByThisOnes) {
  core::LoadModule load = MakeModule("a.A", "another image");
  load.platform = "linux-aarch64";
  Announce(load);
  EXPECT_EQ(ImageOf("a.A"), "later");
  EXPECT_EQ(asked_for_, "a.A");
  EXPECT_EQ(ImageOf("a.A"), "later");
  EXPECT_EQ(asked_, 1);
  PutImage("image");
  Announce(MakeModule("a.A", "image"));
  EXPECT_EQ(ImageOf("a.A"), "image");
}

TEST_F(ModuleStoreTest, AnImageForAnotherPlatformOnlyIsNamedAndNotFetched) {
  core::LoadModule load = MakeModule("a.A", "image");
  load.platform = "linux-aarch64";
  Announce(load);
  bool later = false;
  (void)MakeReady("a.A", &later);
  ASSERT_TRUE(later);
  core::ModuleNotice unknown;
  unknown.kind = core::ModuleNotice::kService;
  unknown.target = context_.router().self();
  unknown.name = "a.A";
  unknown.code = static_cast<uint32_t>(Code::kUnimplemented);
  courier_.Pass(unknown);
  const Status status = MakeReady("a.A", &later);
  EXPECT_FALSE(later);
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "module module of a.A is for linux-aarch64, this context runs "
            "linux-x86_64");
  EXPECT_EQ(asked_, 1);
}

// What is too large is refused before a byte of it is asked for.
TEST_F(ModuleStoreTest, ASizeThatIsNotAcceptedIsRefusedByTheAnnouncement) {
  for (int i = 0; i < 5; ++i) {
    core::LoadModule load = MakeModule("a.A", "image");
    if (i == 0) load.deflated_bytes = 0;
    if (i == 1) load.deflated_bytes = 257 * 1024 * 1024;
    if (i == 2) load.image_bytes = 257 * 1024 * 1024;
    if (i == 3) load.digest = "short";
    if (i == 4) load.patch_bytes = 257 * 1024 * 1024;
    Announce(load);
    bool later = false;
    EXPECT_EQ(MakeReady("a.A", &later).code(), Code::kInvalidArgument) << i;
  }
  EXPECT_EQ(asked_, 0);
}

TEST_F(ModuleStoreTest, ABombStaysWithinWhatWasAnnounced) {
  above_ = Deflate(std::string(10 << 20, '\0'));
  core::LoadModule load = MakeModule("a.A", std::string(10 << 20, '\0'));
  load.image_bytes = 1000;
  Announce(load);
  EXPECT_EQ(ImageOf("a.A"),
            "module module of a.A: does not inflate to the 1000 bytes "
            "announced");
}

TEST_F(ModuleStoreTest, AnotherLengthThanAnnouncedIsAnError) {
  above_ = Deflate("image");
  core::LoadModule load = MakeModule("a.A", "image");
  load.deflated_bytes += 1;
  Announce(load);
  EXPECT_EQ(ImageOf("a.A"),
            "module module of a.A: not of the length that was announced");
}

TEST_F(ModuleStoreTest, TheLaterOfTwoModulesTakesAService) {
  PutImage("old");
  PutImage("new");
  Announce(MakeModule("a.A", "old"));
  EXPECT_EQ(ImageOf("a.A"), "old");
  const auto held = store_.FindService("a.A");
  Announce(MakeModule("a.A", "new"));
  EXPECT_EQ(ImageOf("a.A"), "new");
  std::string bytes;
  ASSERT_TRUE(parent::ReadImage(held->image.get(), &bytes).ok());
  EXPECT_EQ(bytes, "old") << "who holds one keeps it";
}

TEST_F(ModuleStoreTest, AGoodModuleServesUntilTheNextOneIsHere) {
  PutImage("old");
  Announce(MakeModule("a.A", "old"));
  EXPECT_EQ(ImageOf("a.A"), "old");
  const std::string digest = core::Sha256Digest(Deflate("new"));
  cache_.Add(digest);
  Announce(MakeModule("a.A", "new"));
  EXPECT_EQ(ImageOf("a.A"), "old");
  const std::string deflated = Deflate("new");
  ASSERT_TRUE(
      cache_.Append(cache_.Find(digest), deflated.size(), 0, deflated).ok());
  store_.OnArrived(digest);
  EXPECT_EQ(ImageOf("a.A"), "new");
}

TEST_F(ModuleStoreTest, AnImageThatComesLateBringsNothingBack) {
  const std::string digest = core::Sha256Digest(Deflate("late"));
  cache_.Add(digest);
  Announce(MakeModule("a.A", "late"));
  core::LoadModule unload = MakeModule("a.A", "late");
  unload.digest.clear();
  Announce(unload);
  const std::string deflated = Deflate("late");
  ASSERT_TRUE(
      cache_.Append(cache_.Find(digest), deflated.size(), 0, deflated).ok());
  store_.OnArrived(digest);
  EXPECT_EQ(store_.FindService("a.A"), nullptr);
}

TEST_F(ModuleStoreTest, AnImageThatComesLateBringsTheOtherServicesOfItsModule) {
  const std::string digest = core::Sha256Digest(Deflate("late"));
  cache_.Add(digest);
  core::LoadModule load = MakeModule("a.A", "late");
  load.services.push_back({"a.B", {{"SayHello", 0}}});
  PutImage("old");
  Announce(MakeModule("a.B", "old"));
  EXPECT_EQ(ImageOf("a.B"), "old");
  Announce(load);
  core::LoadModule unload = MakeModule("a.A", "late");
  unload.digest.clear();
  Announce(unload);
  const std::string deflated = Deflate("late");
  ASSERT_TRUE(
      cache_.Append(cache_.Find(digest), deflated.size(), 0, deflated).ok());
  store_.OnArrived(digest);
  EXPECT_EQ(store_.FindService("a.A"), nullptr);
  EXPECT_EQ(ImageOf("a.B"), "late");
}

TEST_F(ModuleStoreTest, AGoodModuleServesOnWhenTheNextOneIsBad) {
  PutImage("old");
  Announce(MakeModule("a.A", "old"));
  EXPECT_EQ(ImageOf("a.A"), "old");
  const std::string digest = core::Sha256Digest(Deflate("new"));
  cache_.Add(digest);
  Announce(MakeModule("a.A", "new"));
  store_.SetFailure(digest, Status(Code::kDataLoss, "wrong digest"));
  store_.OnArrived(digest);
  EXPECT_EQ(ImageOf("a.A"), "old");
}

// A hop that has forgotten that it may have it; the master knows.
TEST_F(ModuleStoreTest, AnImageThatAHopRefusesIsAskedForByName) {
  const std::string digest = core::Sha256Digest(Deflate("image"));
  cache_.Add(digest);
  Announce(MakeModule("a.A", "image"));
  EXPECT_EQ(ImageOf("a.A"), "later");
  EXPECT_EQ(asked_, 0);
  cache_.Remove(cache_.Find(digest));
  store_.SetFailure(
      digest, Status(Code::kFailedPrecondition, "its image was not announced"));
  EXPECT_EQ(ImageOf("a.A"), "later");
  EXPECT_EQ(asked_for_, "a.A");
  store_.SetFailure(digest, Status());
  PutImage("image");
  Announce(MakeModule("a.A", "image"));
  EXPECT_EQ(ImageOf("a.A"), "image");
}

TEST_F(ModuleStoreTest, AnImageThatIsNotForThisContextIsAskedForOnceACall) {
  const std::string digest = core::Sha256Digest(Deflate("image"));
  cache_.Add(digest);
  Announce(MakeModule("a.A", "image"));
  store_.SetFailure(
      digest, Status(Code::kFailedPrecondition, "its image was not announced"));
  store_.SetFailure(digest, Status());
  for (int call = 1; call < 3; ++call) {
    EXPECT_EQ(ImageOf("a.A"), "later");
    EXPECT_EQ(asked_, call);
    // The master's answer, during which calls that wait begin anew.
    core::ModuleNotice denied;
    denied.kind = core::ModuleNotice::kService;
    denied.target = context_.router().self();
    denied.name = "a.A";
    denied.code = static_cast<uint32_t>(Code::kPermissionDenied);
    std::string text;
    on_answer_ = [&] { text = ImageOf("a.A"); };
    courier_.Pass(denied);
    on_answer_ = nullptr;
    EXPECT_EQ(text, "its image was not announced");
  }
}

TEST_F(ModuleStoreTest, ALockRefusesWhatItDoesNotAllow) {
  PutImage("image");
  locks_ = "=rule 1\n+module of b.*\n";
  Announce(MakeModule("a.A", "image"));
  bool later = false;
  const Status status = MakeReady("a.A", &later);
  EXPECT_FALSE(later);
  EXPECT_EQ(status.code(), Code::kPermissionDenied);
  EXPECT_EQ(status.message(),
            "context master refuses module module of a.A "
            "(" +
                ImageText(MakeModule("a.A", "image")) +
                "): locked since its start: rule 1");
  Announce(MakeModule("b.B", "image"));
  EXPECT_EQ(ImageOf("b.B"), "image");
}

TEST_F(ModuleStoreTest, WhatALockRefusesIsNotFetched) {
  above_ = Deflate("image");
  locks_ = "=none\n-*\n";
  Announce(MakeModule("a.A", "image"));
  bool later = false;
  EXPECT_EQ(MakeReady("a.A", &later).code(), Code::kPermissionDenied);
  EXPECT_EQ(asked_, 0);
}

TEST_F(ModuleStoreTest, AModuleServesOnWhenTheNextOneIsRefused) {
  PutImage("old");
  PutImage("new");
  locks_ = "=only the old\n+" + ImageText(MakeModule("a.A", "old")) + "\n";
  Announce(MakeModule("a.A", "old"));
  Announce(MakeModule("a.A", "new"));
  EXPECT_EQ(ImageOf("a.A"), "old") << "also when it was not called yet";
  Announce(MakeModule("a.A", "new"));
  EXPECT_EQ(ImageOf("a.A"), "old");
  core::LoadModule unload = MakeModule("a.A", "old");
  unload.digest.clear();
  Announce(unload);
  EXPECT_EQ(store_.FindService("a.A"), nullptr);
  Announce(MakeModule("a.A", "new"));
  bool later = false;
  EXPECT_EQ(MakeReady("a.A", &later).code(), Code::kPermissionDenied);
  Announce(MakeModule("a.A", "old"));
  EXPECT_EQ(ImageOf("a.A"), "old");
}

TEST_F(ModuleStoreTest, AnImageIsMadeOfItsBaseAndAPatch) {
  const core::LoadModule old = MakeModule("a.A", "old");
  PutImage("old");
  Announce(old);
  EXPECT_EQ(ImageOf("a.A"), "old");
  const auto base = store_.FindService("a.A");
  PutImage(PatchTo("new"));
  const core::LoadModule next = MakePatched("a.A", "new", old);
  Announce(next);
  EXPECT_EQ(ImageOf("a.A"), "new");
  EXPECT_EQ(store_.FindService("a.A")->base, nullptr) << "kept for nothing";
  EXPECT_EQ(base.use_count(), 1);
  // And that is a base as well.
  PutImage(PatchTo("newer"));
  Announce(MakePatched("a.A", "newer", next));
  EXPECT_EQ(ImageOf("a.A"), "newer");
  EXPECT_EQ(asked_, 0);
}

TEST_F(ModuleStoreTest, ThePatchedImageTakesCallsWhenThePatchIsHere) {
  const core::LoadModule old = MakeModule("a.A", "old");
  PutImage("old");
  Announce(old);
  EXPECT_EQ(ImageOf("a.A"), "old");
  const std::string patch = Deflate(PatchTo("new"));
  CachedImage* const arriving = cache_.Add(core::Sha256Digest(patch));
  Announce(MakePatched("a.A", "new", old));
  EXPECT_EQ(ImageOf("a.A"), "old");
  ASSERT_TRUE(cache_.Append(arriving, patch.size(), 0, patch).ok());
  store_.OnArrived(core::Sha256Digest(patch));
  EXPECT_EQ(ImageOf("a.A"), "new");
}

// The base was announced and never called, or another serves by now.
TEST_F(ModuleStoreTest, WithoutItsBaseTheWholeImageIsAskedFor) {
  const core::LoadModule old = MakeModule("a.A", "old");
  PutImage("old");
  Announce(old);
  PutImage(PatchTo("new"));
  Announce(MakePatched("a.A", "new", old));
  EXPECT_EQ(asked_for_, "a.A");
  EXPECT_EQ(ImageOf("a.A"), "later");
  EXPECT_EQ(asked_, 1);
  PutImage("new");
  Announce(MakeModule("a.A", "new"));
  EXPECT_EQ(ImageOf("a.A"), "new");
}

TEST_F(ModuleStoreTest, WhoServesServesOnWhileTheWholeImageIsAskedFor) {
  PutImage("another");
  Announce(MakeModule("a.A", "another"));
  EXPECT_EQ(ImageOf("a.A"), "another");
  PutImage(PatchTo("new"));
  Announce(MakePatched("a.A", "new", MakeModule("a.A", "old")));
  EXPECT_EQ(asked_for_, "a.A");
  EXPECT_EQ(ImageOf("a.A"), "another");
  PutImage("new");
  Announce(MakeModule("a.A", "new"));
  EXPECT_EQ(ImageOf("a.A"), "new");
}

TEST_F(ModuleStoreTest, APatchThatGivesAnotherImageIsNotStarted) {
  PutImage("old");
  PutImage(PatchTo("new"));
  for (int i = 0; i < 3; ++i) {
    const std::string service = "a.A" + std::to_string(i);
    const core::LoadModule old = MakeModule(service, "old");
    Announce(old);
    EXPECT_EQ(ImageOf(service), "old");
    core::LoadModule load = MakePatched(service, "new", old);
    if (i == 0) load.image_digest = core::Sha256Digest("else");
    if (i == 1) load.image_bytes = 4;
    if (i == 2) load.patch_bytes = 2;
    Announce(load);
    EXPECT_EQ(asked_, i);
    EXPECT_EQ(ImageOf(service), "later") << i;
    EXPECT_EQ(asked_for_, service);
    EXPECT_EQ(asked_, i + 1);
  }
}

// A version number that is raised by one each time: the same bytes, of another
// base.
TEST_F(ModuleStoreTest, TheSamePatchOfAnotherBaseGivesAnotherImage) {
  const core::LoadModule one = MakeModule("a.A", "1");
  PutImage("1");
  Announce(one);
  EXPECT_EQ(ImageOf("a.A"), "1");
  const std::string raise({1, 0, 0, 1});
  PutImage(raise);
  std::string base = one.digest;
  for (const std::string image : {"2", "3", "4"}) {
    core::LoadModule next = MakeModule("a.A", raise);
    next.image_bytes = 1;
    next.base = base;
    next.patch_bytes = raise.size();
    next.image_digest = core::Sha256Digest(image);
    Announce(next);
    EXPECT_EQ(ImageOf("a.A"), image);
    base = next.digest;
  }
  EXPECT_EQ(asked_, 0);
}

TEST_F(ModuleStoreTest, ForAServiceThatHasMovedNobodyAsks) {
  core::LoadModule both = MakeModule("a.S", "old");
  both.services.push_back({"a.T", {{"SayHello", 0}}});
  core::LoadModule patched = MakePatched("a.S", "new", both);
  patched.services = both.services;
  Announce(patched);
  EXPECT_EQ(asked_for_, "a.S");
  PutImage("moved");
  Announce(MakeModule("a.S", "moved"));
  EXPECT_EQ(ImageOf("a.S"), "moved");
  EXPECT_EQ(ImageOf("a.T"), "later");
  EXPECT_EQ(asked_for_, "a.T");
}

// Nobody knows what a patch gives before it is made; and what a lock allows as
// an image could be announced as a patch.
TEST_F(ModuleStoreTest, WhoHoldsLocksTakesNoPatches) {
  const core::LoadModule old = MakeModule("a.A", "old");
  PutImage("old");
  PutImage(PatchTo("new"));
  core::LoadModule patched = MakePatched("a.A", "new", old);
  for (const std::string& locks :
       {"=one\n+" + ImageText(old) + "\n+" + ImageText(patched) + "\n",
        std::string("=one\n-another module\n")}) {
    locks_ = locks;
    Announce(old);
    EXPECT_EQ(ImageOf("a.A"), "old");
    Announce(patched);
    EXPECT_EQ(asked_for_, "a.A");
    EXPECT_EQ(ImageOf("a.A"), "old");
  }
}

TEST_F(ModuleStoreTest, AnAnnouncementWithoutADigestUnloads) {
  PutImage("image");
  Announce(MakeModule("a.A", "image"));
  EXPECT_EQ(ImageOf("a.A"), "image");
  core::LoadModule load = MakeModule("a.A", "image");
  load.digest.clear();
  Announce(load);
  EXPECT_EQ(store_.FindService("a.A"), nullptr);
  EXPECT_TRUE(store_.Ask("a.A", /*foreign=*/true, 0)) << "perhaps it is back";
  EXPECT_EQ(asked_for_, "a.A");
}

// An update, where the old version serves on.
class UpdateWithoutRoomTest : public ModuleStoreTest {
 protected:
  UpdateWithoutRoomTest() {
    PutImage("old");
    Announce(MakeModule("a.A", "old"));
    EXPECT_EQ(ImageOf("a.A"), "old");
    above_ = Deflate("new");
    // Another image fills the cache as long as it has a pin.
    other_ = cache_.Add("other");
    ++other_->pins;
    cache_.set_max_bytes(1000);
    EXPECT_TRUE(cache_.Append(other_, 1000, 0, "begins").ok());
    Announce(MakeModule("a.A", "new"));
    asked_ = 0;
  }

  CachedImage* other_;
};

TEST_F(UpdateWithoutRoomTest, IsAskedForWhenThereIsRoom) {
  EXPECT_FALSE(store_.AskAgain(0));
  EXPECT_EQ(ImageOf("a.A"), "old");
  EXPECT_EQ(asked_, 0) << "there is no room yet";
  cache_.Remove(other_);
  EXPECT_TRUE(store_.AskAgain(0));
  EXPECT_EQ(ImageOf("a.A"), "new");
  EXPECT_FALSE(store_.AskAgain(0));
  EXPECT_EQ(asked_, 1);
}

TEST_F(UpdateWithoutRoomTest, IsAskedForLessOftenWhereOthersHaveNoRoom) {
  cache_.Remove(other_);
  above_.clear();
  int64_t next_us = 0;
  int asked = 0;
  for (int64_t back_off_us = ModuleStore::kAskAgainUs; asked < 8;
       back_off_us = 2 * back_off_us + ModuleStore::kAskAgainUs) {
    EXPECT_FALSE(store_.AskAgain(next_us));
    EXPECT_EQ(asked_, ++asked);
    next_us += back_off_us;
    EXPECT_FALSE(store_.AskAgain(next_us - 1));
    EXPECT_EQ(asked_, asked);
  }
  EXPECT_EQ(ImageOf("a.A"), "old");
  above_ = Deflate("new");
  EXPECT_TRUE(store_.AskAgain(next_us));
  EXPECT_EQ(ImageOf("a.A"), "new");
}

TEST_F(UpdateWithoutRoomTest, IsNotAskedForOnceItIsSupersededOrUnloaded) {
  cache_.Remove(other_);
  PutImage("newer");
  Announce(MakeModule("a.A", "newer"));
  EXPECT_FALSE(store_.AskAgain(0));
  core::LoadModule unload = MakeModule("a.A", "newer");
  unload.digest.clear();
  Announce(unload);
  EXPECT_FALSE(store_.AskAgain(0));
  EXPECT_EQ(asked_, 0);
}

TEST_F(UpdateWithoutRoomTest, IsAskedForAfterAFailureOnTheWay) {
  cache_.Remove(other_);
  const std::string digest = core::Sha256Digest(above_);
  store_.SetFailure(digest, Status(Code::kResourceExhausted, "no room"));
  store_.SetFailure(digest, Status());
  EXPECT_TRUE(store_.AskAgain(0));
  EXPECT_EQ(ImageOf("a.A"), "new");
}

TEST_F(UpdateWithoutRoomTest, IsNotAskedForWhenItIsDamaged) {
  cache_.Remove(other_);
  store_.SetFailure(core::Sha256Digest(above_),
                    Status(Code::kDataLoss, "wrong digest"));
  EXPECT_FALSE(store_.AskAgain(0));
  EXPECT_EQ(ImageOf("a.A"), "old");
}

TEST_F(ModuleStoreTest, WhatWasUnloadedMakesRoomForOthers) {
  PutImage("image");
  for (size_t i = 0; i < 2 * ModuleStore::kMaxServices; ++i) {
    const std::string service = "service" + std::to_string(i);
    Announce(MakeModule(service, "image"));
    EXPECT_EQ(ImageOf(service), "image");
    core::LoadModule unload = MakeModule(service, "image");
    unload.digest.clear();
    Announce(unload);
  }
}

TEST_F(ModuleStoreTest, HasALimitOfServices) {
  PutImage("image");
  for (size_t i = 0; i <= ModuleStore::kMaxServices; ++i) {
    Announce(MakeModule("service" + std::to_string(i), "image"));
  }
  EXPECT_EQ(ImageOf("service255"), "image");
  EXPECT_EQ(store_.FindService("service256"), nullptr);
  // Whoever calls it: what has no place is not asked for, again and again.
  EXPECT_FALSE(store_.Ask("service256", /*foreign=*/false, 0));
  EXPECT_FALSE(store_.Ask("service256", /*foreign=*/true, 0));
}

TEST_F(ModuleStoreTest, DropsWhatIsMalformed) {
  core::ModuleNotice notice;
  notice.module = "\x0a\x7f";
  store_.OnAnnounced(notice);
  EXPECT_EQ(store_.FindService(""), nullptr);
}

TEST_F(ModuleStoreTest, KnowsTheMethodsOfAService) {
  Announce(MakeModule("a.A", "image"));
  const auto module = store_.FindService("a.A");
  const core::ModuleMethod* const method = FindMethod(*module, "a.A", "SayBye");
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(method->policy, 1u);
  EXPECT_EQ(FindMethod(*module, "a.A", "Say"), nullptr);
  EXPECT_EQ(FindMethod(*module, "a.B", "SayBye"), nullptr);
}

}  // namespace
}  // namespace ramet::importer
