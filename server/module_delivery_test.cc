#include "server/module_delivery.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "importer/bundle.h"
#include "parent/platform.h"
#include "server/master.h"
#include "server/testing/minisign_signer.h"
#include "tests/probe/probe.ramet.h"
#include "tools/bundle/bundle_writer.h"

namespace ramet::server {
namespace {

using ::probe::v1::CallOutRequest;
using ::probe::v1::EchoRequest;
using ::probe::v1::OpenStub;
using ::probe::v1::ProbeStub;

// Nothing in here waits for this long unless it hangs.
constexpr absl::Duration kHangs = absl::Seconds(60);

// A master with bundles that each have one service of the probe's; contexts and
// modules are real processes.
class ModuleDeliveryTest : public testing::Test {
 protected:
  ModuleDeliveryTest() {
    auto master = Master::Create();
    EXPECT_TRUE(master.ok()) << master.status();
    master_ = *std::move(master);
    std::ifstream file("tests/probe/probe.rmod", std::ios::binary);
    auto probe = importer::Bundle::Parse(
        std::string(std::istreambuf_iterator<char>(file), {}));
    EXPECT_TRUE(probe.ok()) << probe.status();
    const auto image = probe->FindImage(parent::ThisPlatform().name);
    EXPECT_TRUE(image.ok()) << image.status();
    image_.resize((*image)->image_bytes());
    const std::string_view deflated = probe->DeflatedBytes(**image);
    uLongf size = image_.size();
    EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(image_.data()), &size,
                         reinterpret_cast<const Bytef*>(deflated.data()),
                         deflated.size()),
              Z_OK);
    manifest_ = probe->manifest();
  }

  // Writes a bundle NAME of one service; its image is nobody else's. The path.
  std::string Write(const std::string& name, const std::string& service,
                    const std::vector<std::string>& related = {},
                    std::string platform = parent::ThisPlatform().name) {
    bundle::Manifest manifest = manifest_;
    manifest.set_name(name);
    manifest.clear_images();
    manifest.clear_services();
    for (const auto& each : manifest_.services()) {
      if (each.name() == service) *manifest.add_services() = each;
    }
    manifest.clear_related_modules();
    for (const std::string& module : related) {
      manifest.add_related_modules(module);
    }
    bundle::BundleWriter writer(std::move(manifest));
    EXPECT_TRUE(writer.AddImage(platform, image_ + name).ok());
    const std::string path = testing::TempDir() + name + ".rmod";
    std::ofstream(path, std::ios::binary) << writer.Finish();
    return path;
  }
  void Load(const std::string& path) {
    const absl::Status status = master_->LoadModuleFile(path);
    ASSERT_TRUE(status.ok()) << status;
  }

  // The code that a method gets which calls probe.v1.Open of its own context.
  int CallOut(const std::string& target) {
    auto context = master_->Connect(target);
    EXPECT_TRUE(context.ok()) << context.status();
    CallOutRequest request;
    request.set_target(CallOutRequest::OWN);
    request.set_method(CallOutRequest::ECHO);
    stub::CallOptions options;
    options.timeout = kHangs;
    const auto reply = ProbeStub(*context).CallOut(request, options);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? reply->code() : -1;
  }
  // Frames from a context to its parent, `local:`.
  uint64_t FramesFrom(const std::string& target) {
    const auto links = master_->Links("local:");
    EXPECT_TRUE(links.ok()) << links.status();
    for (const core::LinkInfo& link : *links) {
      if (link.name == target) return link.frames_in;
    }
    ADD_FAILURE() << "no link to " << target;
    return 0;
  }

  static constexpr int kPermissionDenied = 7;
  static constexpr int kUnimplemented = 12;

  std::unique_ptr<Master> master_;
  std::string image_;
  bundle::Manifest manifest_;
};

TEST_F(ModuleDeliveryTest, WhatWasUnknownIsFoundOnceItIsLoaded) {
  Load(Write("caller", "probe.v1.Probe"));
  EXPECT_EQ(CallOut("local:/local:a"), kUnimplemented);
  const uint64_t frames = FramesFrom("local:/local:a");
  EXPECT_EQ(CallOut("local:/local:a"), kUnimplemented);
  EXPECT_EQ(FramesFrom("local:/local:a"), frames + 1)
      << "the answer, and no question";
  Load(Write("opener", "probe.v1.Open"));
  EXPECT_EQ(CallOut("local:/local:a"), 0);
  EXPECT_EQ(CallOut("local:/local:b"), 0);
}

// For this machine there is none, which is not for its parent to remember: it
// may have children of another kind.
TEST_F(ModuleDeliveryTest, AnImageForAnotherPlatformIsOfNoUseHere) {
  Load(Write("caller", "probe.v1.Probe", {"opener"}));
  Load(Write("opener", "probe.v1.Open", {}, "linux-m68k"));
  EXPECT_EQ(CallOut("local:/local:a"), kUnimplemented);
  Load(Write("opener", "probe.v1.Open"));
  EXPECT_EQ(CallOut("local:/local:a"), 0);
}

// Versions of one name differ in the last bytes of their image here.
TEST_F(ModuleDeliveryTest, AnotherVersionOfTheSameNameTravelsAsAPatch) {
  Load(Write("opener", "probe.v1.Open"));
  const std::string image = image_;
  const auto bytes_of = [this](const std::string& target) {
    const uint64_t before = master_->module_bytes_sent();
    EXPECT_EQ(CallOut(target), 0);
    return master_->module_bytes_sent() - before;
  };
  Load(Write("probe", "probe.v1.Probe"));
  const uint64_t whole = bytes_of("local:");
  constexpr uint64_t kPatch = 10'000;
  EXPECT_GT(whole, 10 * kPatch);
  for (const char* version : {"two", "three", "four"}) {
    image_ = image + version;
    Load(Write("probe", "probe.v1.Probe"));
    const uint64_t patch = bytes_of("local:");
    EXPECT_GT(patch, 0u) << version;
    EXPECT_LT(patch, kPatch) << version;
    EXPECT_EQ(bytes_of("local:"), 0u) << version;
  }
  // Who has none of them gets it whole, and from a version that it has missed
  // in between there is a patch as well.
  EXPECT_GT(bytes_of("local:late"), 10 * kPatch);
  for (const char* version : {"five", "six"}) {
    image_ = image + version;
    Load(Write("probe", "probe.v1.Probe"));
  }
  EXPECT_LT(bytes_of("local:"), kPatch);
  EXPECT_LT(bytes_of("local:late"), kPatch);
}

TEST_F(ModuleDeliveryTest, WhatIsTooLargeToBeAnnouncedIsRefused) {
  Load(Write("caller", "probe.v1.Probe", {"opener"}));
  const auto process = manifest_.process();
  manifest_.mutable_process()->add_environment("LARGE=" +
                                               std::string(70'000, 'x'));
  Load(Write("opener", "probe.v1.Open"));
  // As a related module it is left out; and nobody gets it who asks.
  EXPECT_EQ(CallOut("local:/local:a"), kUnimplemented);
  const auto context = master_->Connect("local:/local:a");
  ASSERT_TRUE(context.ok()) << context.status();
  stub::CallOptions options;
  options.timeout = kHangs;
  const absl::Status refused =
      ::probe::v1::OpenStub(*context).Echo({}, options).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(),
            "module opener has too many methods or variables to be announced");
  *manifest_.mutable_process() = process;
  Load(Write("opener", "probe.v1.Open"));
  EXPECT_EQ(CallOut("local:/local:a"), 0);
}

TEST_F(ModuleDeliveryTest, ANewVersionIsAnnouncedAndTakesCalls) {
  Load(Write("first", "probe.v1.Probe"));
  Load(Write("opener", "probe.v1.Open"));
  EXPECT_EQ(CallOut("local:/local:a"), 0);
  Load(Write("second", "probe.v1.Probe"));
  const uint64_t sent = master_->module_bytes_sent();
  EXPECT_EQ(CallOut("local:/local:a"), 0);
  EXPECT_GT(master_->module_bytes_sent(), sent);
}

// Neither is delivered, and each goes along with the other.
TEST_F(ModuleDeliveryTest, RelatedOnesThatALockRefusesAreAnnouncedOnce) {
  auto policy =
      ModulePolicy::Parse("rule { locked: true allow_loaded: true }", "test");
  ASSERT_TRUE(policy.ok()) << policy.status();
  MasterOptions options;
  options.module_policy = *policy;
  auto master = Master::Create(std::move(options));
  ASSERT_TRUE(master.ok()) << master.status();
  master_ = *std::move(master);
  for (const char* version : {"", "two"}) {
    image_ += version;
    Load(Write("caller", "probe.v1.Probe", {"opener"}));
    Load(Write("opener", "probe.v1.Open", {"caller"}));
    for (const char* target : {"local:", "local:/local:a"}) {
      EXPECT_EQ(CallOut(target), 0) << "the first ones serve on";
    }
  }
}

// It asks for the second itself; by then no rule of the master names the key.
TEST_F(ModuleDeliveryTest, AContextWithAKeyGetsWhatThatHasSigned) {
  const MinisignSigner signer('s');
  auto policy = ModulePolicy::Parse(
      "rule { locked: true allow: \"key:" + signer.public_text() + "\" }",
      "test");
  ASSERT_TRUE(policy.ok()) << policy.status();
  MasterOptions options;
  options.module_policy = *policy;
  auto master = Master::Create(std::move(options));
  ASSERT_TRUE(master.ok()) << master.status();
  master_ = *std::move(master);
  const auto sign = [&signer](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const auto bundle = importer::Bundle::Parse(
        std::string(std::istreambuf_iterator<char>(file), {}));
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    std::ofstream(path + kStatementSuffix)
        << signer.Sign(*StatementOf(*bundle));
  };
  const std::string caller = Write("signed_caller", "probe.v1.Probe");
  const std::string opener = Write("signed_opener", "probe.v1.Open");
  for (const std::string& path : {caller, opener}) {
    std::remove((path + kStatementSuffix).c_str());  // of a run before
  }
  EXPECT_EQ(master_->LoadModuleFile(caller).code(),
            absl::StatusCode::kPermissionDenied);
  sign(caller);
  Load(caller);
  for (const char* target : {"local:", "local:/local:a"}) {
    EXPECT_EQ(CallOut(target), kUnimplemented);
  }
  ASSERT_TRUE(master_->ReloadModuleFiles({caller, opener}, {}).ok());
  for (const char* target : {"local:", "local:/local:a"}) {
    EXPECT_EQ(CallOut(target), kPermissionDenied);
  }
  EXPECT_EQ(CallOut("local:free"), 0);
  sign(opener);
  Load(opener);
  for (const char* target : {"local:", "local:/local:a"}) {
    // A version that is new to a context comes with a call from the master.
    EXPECT_EQ(CallOut(target), kPermissionDenied);
    auto context = master_->Connect(target);
    ASSERT_TRUE(context.ok()) << context.status();
    stub::CallOptions call;
    call.timeout = kHangs;
    EXPECT_TRUE(OpenStub(*context).Echo(EchoRequest(), call).ok());
    EXPECT_EQ(CallOut(target), 0);
  }
}

}  // namespace
}  // namespace ramet::server
