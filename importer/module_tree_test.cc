// Bytes and round trips of modules on each link of a tree: the classes of this
// folder together, over links in memory that count.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <zlib.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/base/sha256.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/wire/control.h"
#include "importer/held_calls.h"
#include "importer/image_cache.h"
#include "importer/module_courier.h"
#include "importer/module_store.h"

namespace ramet::importer {
namespace {

using core::ContextId;
using core::FrameHeader;
using core::ModuleNotice;

constexpr char kPlatform[] = "linux-x86_64";
constexpr ContextId kBastion = 1;
constexpr ContextId kFirstTarget = 100;
constexpr size_t kImageBytes = 200'000;
// Announcements, questions, calls and answers of a case.
constexpr size_t kSmall = 20'000;

// What the master has, by service.
struct Repository {
  std::map<std::string, core::LoadModule> modules;
  std::map<std::string, std::string> images;  // by digest

  void Add(const std::string& service) {
    std::mt19937 random(static_cast<uint32_t>(modules.size()));
    std::string image(kImageBytes, '\0');
    for (char& byte : image) byte = static_cast<char>(random());
    uLongf size = compressBound(image.size());
    std::string deflated(size, '\0');
    EXPECT_EQ(
        compress(reinterpret_cast<Bytef*>(deflated.data()), &size,
                 reinterpret_cast<const Bytef*>(image.data()), image.size()),
        Z_OK);
    deflated.resize(size);
    core::LoadModule load;
    load.name = "module of " + service;
    load.platform = kPlatform;
    load.digest = core::Sha256Digest(deflated);
    load.deflated_bytes = static_cast<uint32_t>(deflated.size());
    load.image_bytes = static_cast<uint32_t>(image.size());
    load.services.push_back({service, {{"Any", 1}}});
    images[load.digest] = std::move(deflated);
    modules[service] = std::move(load);
  }
};

// One context. It answers a call, whose payload names services, when the
// modules of all of them are ready.
class Node final : private ModuleCourier::Local {
 public:
  Node(core::EventLoop* loop, const Repository* repository, ContextId id,
       std::vector<ContextId> ancestors)
      : repository_(repository), context(loop) {
    context.router().SetSelf(id, "context " + std::to_string(id));
    context.SetAncestors(std::move(ancestors));
    context.SetHandler(
        core::kCallFunction, core::Context::Access::kAnyone,
        [this](core::Link*, const FrameHeader& header,
               std::string_view payload) { OnCall(header, payload); });
  }

  // As the master: announces the modules and calls.
  void Call(ContextId target, const std::vector<std::string>& announced,
            const std::string& needed) {
    for (const std::string& service : announced) Announce(target, service, "");
    FrameHeader header;
    header.dst_id = target;
    header.handle = core::kCallFunction;
    header.reply_to = core::kFirstDynamicHandle;
    context.router().Send(header, needed);
  }

 private:
  const Repository* const repository_;

 public:
  core::Context context;
  ImageCache images;
  ModuleCourier courier{&context, &images, this};
  ModuleStore store{kPlatform, &courier};
  HeldCalls held{&context};
  size_t answered = 0;
  size_t unknown = 0;

 private:
  void OnCall(const FrameHeader& header, std::string_view payload) {
    std::string_view rest = payload;
    while (!rest.empty()) {
      const std::string_view service = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), service.size() + 1));
      const auto module = store.FindService(service);
      bool later = false;
      if (module == nullptr) {
        later = store.Ask(service, false, 0);
        if (!later) ++unknown;
      } else {
        EXPECT_TRUE(store.MakeReady(module.get(), &later).ok());
      }
      if (later) return held.Hold(header, payload);
    }
    ++answered;
    FrameHeader answer;
    answer.dst_id = header.src_id;
    answer.handle = core::kFirstDynamicHandle;
    context.router().Send(answer, "done");
  }
  void Retry() {
    held.Release([this](const FrameHeader& header, std::string_view payload) {
      OnCall(header, payload);
    });
  }

  void OnNotice(const ModuleNotice& notice) override {
    if (notice.code == 0) store.OnAnnounced(notice);
    Retry();
  }
  void OnImage(std::string_view digest, const core::Status& status) override {
    EXPECT_TRUE(status.ok()) << status.message();
    store.OnArrived(digest);
    Retry();
  }
  void OnAsked(const ModuleNotice& notice) override {
    if (notice.kind == ModuleNotice::kImage) {
      const std::string& bytes = repository_->images.at(notice.digest);
      EXPECT_TRUE(images
                      .Append(images.Find(notice.digest),
                              static_cast<uint32_t>(bytes.size()), 0, bytes)
                      .ok());
    } else if (repository_->modules.count(notice.name) > 0) {
      Announce(notice.target, notice.name, notice.name);
    } else {
      ModuleNotice answer = notice;
      answer.code = static_cast<uint32_t>(core::Code::kUnimplemented);
      courier.Pass(answer);
    }
  }
  void Announce(ContextId target, const std::string& service,
                const std::string& asked) {
    const core::LoadModule& load = repository_->modules.at(service);
    ModuleNotice notice;
    notice.kind = ModuleNotice::kService;
    notice.target = target;
    notice.name = asked;
    notice.digest = load.digest;
    notice.module = core::SerializeControl(load);
    courier.Pass(notice);
  }
};

// What went over a link since it was last taken.
struct Count {
  size_t down_bytes = 0;
  size_t up_bytes = 0;
  // Flights up: what is sent down again after one was waited for.
  size_t round_trips = 0;
  bool last_was_up = false;
};

// master ── bastion ── 32 targets
class ModuleTreeTest : public testing::Test {
 protected:
  ModuleTreeTest() {
    for (const char* service : {"a", "b", "c"}) repository_.Add(service);
    master_ = std::make_unique<Node>(&loop_, &repository_, core::kMasterId,
                                     std::vector<ContextId>{});
    bastion_ = std::make_unique<Node>(&loop_, &repository_, kBastion,
                                      std::vector<ContextId>{core::kMasterId});
    Connect(master_.get(), bastion_.get(), &uplink_);
    master_->context.router().RecordGrant(
        master_->context.router().LinkTo(kBastion), kFirstTarget, 1000);
  }
  ~ModuleTreeTest() override {
    for (auto& [id, target] : targets_) target.reset();
    if (!cache_dir_.empty()) {
      EXPECT_EQ(system(("rm -rf " + cache_dir_).c_str()), 0);
    }
  }

  void Connect(Node* above, Node* below, Count* count) {
    core::MemoryNetwork::Pair pair = network_.MakePair();
    pair.a_to_b->hook = [count](std::string* piece) {
      count->down_bytes += piece->size();
      count->last_was_up = false;
    };
    pair.b_to_a->hook = [count](std::string* piece) {
      count->up_bytes += piece->size();
      if (!count->last_was_up) ++count->round_trips;
      count->last_was_up = true;
    };
    const ContextId id = below->context.router().self();
    core::Link* const link = above->context.router().AddChild(
        std::move(pair.a), id, below->context.router().name());
    link->set_keeps_images(!cache_dir_.empty());
    below->context.router().AddParent(std::move(pair.b),
                                      above->context.router().self());
    if (!cache_dir_.empty()) {
      below->images.disk().Open(
          cache_dir_, [](std::string_view line) { ADD_FAILURE() << line; });
    }
  }
  // A new target behind the bastion; its link counts in last_link_.
  ContextId AddTarget() {
    const ContextId id = next_target_++;
    auto& target = targets_[id] = std::make_unique<Node>(
        &loop_, &repository_, id,
        std::vector<ContextId>{kBastion, core::kMasterId});
    links_.push_back(std::make_unique<Count>());
    last_link_ = links_.back().get();
    Connect(bastion_.get(), target.get(), last_link_);
    bastion_->context.router().Announce(id);
    network_.Settle();
    uplink_ = *last_link_ = Count();
    return id;
  }
  void Call(ContextId target, const std::vector<std::string>& announced,
            const std::string& needed) {
    uplink_ = *last_link_ = Count();
    const size_t before = targets_.at(target)->answered;
    master_->Call(target, announced, needed);
    network_.Settle();
    EXPECT_EQ(targets_.at(target)->answered, before + 1);
  }
  static void ExpectImages(const Count& count, size_t images) {
    EXPECT_GE(count.down_bytes, images * kImageBytes);
    EXPECT_LE(count.down_bytes, images * kImageBytes + kSmall);
    EXPECT_LE(count.up_bytes, kSmall);
  }
  void UseDisk() {
    std::string pattern = testing::TempDir() + "module_treeXXXXXX";
    cache_dir_ = std::string(mkdtemp(pattern.data())) + "/cache";
  }

  Repository repository_;
  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  std::unique_ptr<Node> master_;
  std::unique_ptr<Node> bastion_;
  std::map<ContextId, std::unique_ptr<Node>> targets_;
  Count uplink_;
  std::vector<std::unique_ptr<Count>> links_;
  Count* last_link_ = nullptr;
  ContextId next_target_ = kFirstTarget;
  std::string cache_dir_;
};

TEST_F(ModuleTreeTest, AFirstCallIsOneRoundTripAndASecondBringsNothing) {
  const ContextId target = AddTarget();
  Call(target, {"a"}, "a");
  EXPECT_EQ(uplink_.round_trips, 1u);
  EXPECT_EQ(last_link_->round_trips, 1u);
  ExpectImages(uplink_, 1);
  ExpectImages(*last_link_, 1);
  Call(target, {}, "a");
  EXPECT_EQ(uplink_.round_trips, 1u);
  ExpectImages(uplink_, 0);
  ExpectImages(*last_link_, 0);
}

TEST_F(ModuleTreeTest, ASecondTargetCostsTheUplinkNoImage) {
  Call(AddTarget(), {"a"}, "a");
  Call(AddTarget(), {"a"}, "a");
  EXPECT_EQ(uplink_.round_trips, 1u);
  ExpectImages(uplink_, 0);
  EXPECT_EQ(last_link_->round_trips, 1u);
  ExpectImages(*last_link_, 1);
}

TEST_F(ModuleTreeTest, AHopThatHasLetAnImageGoGetsItOnceMore) {
  master_->Call(kBastion, {"a"}, "a");
  network_.Settle();
  EXPECT_EQ(bastion_->answered, 1u);
  ExpectImages(uplink_, 1);
  bastion_->store.ReleaseImages();
  EXPECT_EQ(bastion_->images.size(), 0u);
  // It had no child then.
  Call(AddTarget(), {"a"}, "a");
  EXPECT_EQ(uplink_.round_trips, 2u);
  ExpectImages(uplink_, 1);
  ExpectImages(*last_link_, 1);
  Call(AddTarget(), {"a"}, "a");
  ExpectImages(uplink_, 0);
  ExpectImages(*last_link_, 1);
}

TEST_F(ModuleTreeTest, AHopThatHasAChildKeepsWhatItStarts) {
  AddTarget();
  master_->Call(kBastion, {"a"}, "a");
  network_.Settle();
  bastion_->store.ReleaseImages();
  EXPECT_EQ(bastion_->images.size(), 1u);
  Call(AddTarget(), {"a"}, "a");
  ExpectImages(uplink_, 0);
  ExpectImages(*last_link_, 1);
}

TEST_F(ModuleTreeTest, ADiskCacheSparesAHopTheSecondImage) {
  UseDisk();
  constexpr ContextId kHop = kBastion + 1;
  Node hop(&loop_, &repository_, kHop, {core::kMasterId});
  Count count;
  Connect(master_.get(), &hop, &count);
  master_->Call(kHop, {"a"}, "a");
  network_.Settle();
  EXPECT_EQ(hop.answered, 1u);
  hop.store.ReleaseImages();
  EXPECT_EQ(hop.images.size(), 0u);
  count = Count();
  const CachedImage* const image =
      hop.courier.Fetch(repository_.modules.at("a").digest);
  ASSERT_NE(image, nullptr);
  EXPECT_TRUE(image->complete);
  network_.Settle();
  EXPECT_EQ(count.up_bytes, 0u);
}

TEST_F(ModuleTreeTest, ThreeRelatedModulesAreOneRoundTripAndNotFour) {
  Call(AddTarget(), {"a", "b", "c"}, "a b c");
  EXPECT_EQ(uplink_.round_trips, 1u);
  EXPECT_EQ(last_link_->round_trips, 1u);
  ExpectImages(uplink_, 3);
  ExpectImages(*last_link_, 3);
}

TEST_F(ModuleTreeTest, EachThatNobodyHasThoughtOfIsARoundTripMore) {
  Call(AddTarget(), {"a"}, "a b c");
  EXPECT_EQ(uplink_.round_trips, 3u);
  EXPECT_EQ(last_link_->round_trips, 3u);
  ExpectImages(uplink_, 3);
  Call(AddTarget(), {"a"}, "a b c");
  EXPECT_EQ(uplink_.round_trips, 3u) << "names are the master's to answer";
  ExpectImages(uplink_, 0);
}

TEST_F(ModuleTreeTest, ThirtyTwoTargetsAtOnceCostTheUplinkOneImage) {
  std::vector<ContextId> targets;
  for (int i = 0; i < 32; ++i) targets.push_back(AddTarget());
  for (const ContextId target : targets) master_->Call(target, {"a"}, "a");
  network_.Settle();
  for (const auto& [id, target] : targets_) EXPECT_EQ(target->answered, 1u);
  EXPECT_GE(uplink_.down_bytes, kImageBytes);
  EXPECT_LE(uplink_.down_bytes, kImageBytes + kSmall);
}

TEST_F(ModuleTreeTest, ThirtyTwoTargetsThatAskAtOnceCostTheUplinkOneImage) {
  std::vector<ContextId> targets;
  for (int i = 0; i < 32; ++i) targets.push_back(AddTarget());
  for (const ContextId target : targets) master_->Call(target, {}, "a");
  network_.Settle();
  for (const auto& [id, target] : targets_) EXPECT_EQ(target->answered, 1u);
  EXPECT_GE(uplink_.down_bytes, kImageBytes);
  EXPECT_LE(uplink_.down_bytes, kImageBytes + kSmall);
}

TEST_F(ModuleTreeTest, WhatIsUnknownIsARoundTripOnce) {
  const ContextId first = AddTarget();
  Call(first, {}, "z");
  EXPECT_EQ(uplink_.round_trips, 2u);
  Call(first, {}, "z");
  EXPECT_EQ(uplink_.round_trips, 1u);
  EXPECT_EQ(last_link_->round_trips, 1u);
  Call(AddTarget(), {}, "z");
  EXPECT_EQ(uplink_.round_trips, 1u) << "the hop knows";
  EXPECT_EQ(last_link_->round_trips, 2u);
  EXPECT_EQ(targets_.at(first)->unknown, 2u);
}

TEST_F(ModuleTreeTest, ADiskCacheCostsARoundTripOnceAndThenSavesTheImage) {
  Call(AddTarget(), {"a"}, "a");
  UseDisk();
  Call(AddTarget(), {"a"}, "a");
  EXPECT_EQ(last_link_->round_trips, 2u) << "cold: the target asks";
  ExpectImages(*last_link_, 1);
  Call(AddTarget(), {"a"}, "a");
  EXPECT_EQ(last_link_->round_trips, 1u);
  ExpectImages(*last_link_, 0);
  EXPECT_EQ(uplink_.round_trips, 1u);
  ExpectImages(uplink_, 0);
}

TEST_F(ModuleTreeTest, WhatAHopForgotIsFetchedAgainOnce) {
  Call(AddTarget(), {"a"}, "a");
  bastion_->images.set_max_bytes(kImageBytes + kSmall);
  Call(AddTarget(), {"b"}, "b");
  Call(AddTarget(), {"a"}, "a");
  EXPECT_EQ(uplink_.round_trips, 2u);
  ExpectImages(uplink_, 1);
  ExpectImages(*last_link_, 1);
}

}  // namespace
}  // namespace ramet::importer
