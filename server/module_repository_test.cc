#include "server/module_repository.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "parent/platform.h"
#include "ramet/bundle.pb.h"
#include "server/testing/minisign_signer.h"
#include "tools/bundle/bundle_writer.h"

namespace ramet::server {
namespace {

constexpr char kGreeter[] = "examples/greeter/greeter.rmod";
constexpr char kProbe[] = "tests/probe/probe.rmod";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

TEST(ModuleRepositoryTest, KnowsTheServicesOfItsBundles) {
  ModuleRepository modules;
  EXPECT_EQ(modules.FindService("demo.v1.Greeter"), nullptr);
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  ASSERT_TRUE(modules.LoadFile(kProbe).ok());
  ASSERT_NE(modules.FindService("demo.v1.Greeter"), nullptr);
  EXPECT_EQ(modules.FindService("demo.v1.Greeter")->name(), "greeter");
  EXPECT_EQ(modules.FindService("probe.v1.Probe")->name(), "probe");
  EXPECT_EQ(modules.FindService("demo.v1"), nullptr);
}

TEST(ModuleRepositoryTest, ChecksMethods) {
  ModuleRepository modules;
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  EXPECT_TRUE(modules.FindMethod("/demo.v1.Greeter/SayHello", "local:").ok());
  absl::Status status =
      modules.FindMethod("/demo.v1.Greeter/SayBye", "local:").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(),
            "unknown method demo.v1.Greeter/SayBye: bundle greeter does not "
            "have it");
  status = modules.FindMethod("/demo.v1.Welcomer/SayHello", "local:").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(),
            "unknown service demo.v1.Welcomer: no loaded bundle has it");
  for (const char* bad : {"", "demo.v1.Greeter/SayHello", "/demo.v1.Greeter",
                          "/demo.v1.Greeter/", "//SayHello"}) {
    EXPECT_EQ(modules.FindMethod(bad, "local:").status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST(ModuleRepositoryTest, ReplacesAllOrNothing) {
  ModuleRepository modules;
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  const auto kept = modules.FindService("demo.v1.Greeter");
  const uint64_t before = modules.generation();
  EXPECT_EQ(modules.ReplaceWith({kProbe, "/nonexistent.rmod"}).code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(modules.generation(), before);
  EXPECT_EQ(modules.FindService("demo.v1.Greeter"), kept);
  EXPECT_EQ(modules.FindService("probe.v1.Probe"), nullptr);
  ASSERT_TRUE(modules.ReplaceWith({kProbe}).ok());
  EXPECT_NE(modules.generation(), before);
  EXPECT_EQ(modules.FindService("demo.v1.Greeter"), nullptr);
  EXPECT_NE(modules.FindService("probe.v1.Probe"), nullptr);
  for (const auto& [name, bundle] : modules.services()) {
    EXPECT_EQ(bundle->name(), "probe") << name;
  }
  EXPECT_EQ(kept->name(), "greeter") << "whoever has it keeps it";
  ASSERT_TRUE(modules.ReplaceWith({}).ok());
  EXPECT_TRUE(modules.services().empty());
}

TEST(ModuleRepositoryTest, ALaterBundleTakesTheServicesOfAnEarlier) {
  ModuleRepository modules;
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  const auto first = modules.FindService("demo.v1.Greeter");
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  EXPECT_NE(modules.FindService("demo.v1.Greeter"), first);
  EXPECT_EQ(first->name(), "greeter") << "who holds one keeps it";
}

TEST(ModuleRepositoryTest, NamesAFileThatIsNotThere) {
  ModuleRepository modules;
  for (const char* path : {"nowhere.rmod", "examples/greeter/greeter.rmod/x"}) {
    const absl::Status status = modules.LoadFile(path);
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(status.message().substr(0, 19), "cannot open bundle ");
    EXPECT_NE(status.message().find(path), std::string::npos);
  }
}

TEST(ModuleRepositoryTest, AFolderIsNoBundle) {
  EXPECT_EQ(ModuleRepository().LoadFile("/").code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ModuleRepository().LoadFile("/dev/zero").code(),
            absl::StatusCode::kDataLoss);
}

TEST(ModuleRepositoryTest, RefusesADamagedBundleAndNamesIt) {
  const std::string bytes = ReadFile(kGreeter);
  ModuleRepository modules;
  for (size_t at = 0; at < bytes.size(); at += bytes.size() / 97) {
    std::string changed = bytes;
    changed[at] ^= 0x40;
    const absl::Status status = modules.Load(changed, "damaged.rmod").status();
    EXPECT_TRUE(status.code() == absl::StatusCode::kDataLoss ||
                status.code() == absl::StatusCode::kFailedPrecondition)
        << at << " " << status;
    EXPECT_EQ(status.message().substr(0, 21), "bundle damaged.rmod: ");
  }
  for (size_t size = 0; size < bytes.size(); size += bytes.size() / 97 + 1) {
    EXPECT_EQ(modules.Load(bytes.substr(0, size), "cut").status().code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
  EXPECT_EQ(modules.FindService("demo.v1.Greeter"), nullptr);
}

// A bundle called `name` that serves `services`; `version` makes it another.
std::string BundleOf(const std::string& name,
                     const std::vector<std::string>& services,
                     const std::string& version = "1") {
  bundle::Manifest manifest;
  manifest.set_name(name);
  for (const std::string& service : services) {
    bundle::Service* const added = manifest.add_services();
    added->set_name(service);
    added->add_methods()->set_name("Do");
  }
  bundle::BundleWriter writer(manifest);
  EXPECT_TRUE(writer.AddImage(parent::ThisPlatform().name, version).ok());
  return writer.Finish();
}

class ModuleVersionsTest : public testing::Test {
 protected:
  void Load(const std::string& name, const std::vector<std::string>& services,
            const std::string& version = "1",
            const std::string& targets = LoadedModule::kAllTargets) {
    ModuleRepository::LoadOptions options;
    options.targets = targets;
    EXPECT_TRUE(modules_
                    .Load(BundleOf(name, services, version),
                          name + " " + version, options)
                    .ok());
  }
  // Which bundle's file a context gets.
  std::string For(const std::string& service, const std::string& target) {
    const auto found = modules_.FindFor(service, target);
    if (!found.ok()) return absl::StatusCodeToString(found.status().code());
    for (const auto& loaded : modules_.loaded()) {
      if (loaded->bundle == *found) return loaded->origin;
    }
    return "not loaded";
  }
  std::vector<std::string> Loaded() {
    std::vector<std::string> names;
    for (const auto& loaded : modules_.loaded()) {
      names.push_back(loaded->origin);
    }
    return names;
  }

  ModuleRepository modules_;
};

using testing::ElementsAre;

TEST_F(ModuleVersionsTest, TheLastOneThatIsForAContextServesIt) {
  Load("m", {"a.A"}, "1");
  Load("m", {"a.A"}, "2", "ssh:web*");
  EXPECT_EQ(For("a.A", "ssh:web1"), "m 2");
  EXPECT_EQ(For("a.A", "ssh:web1/sudo:root"), "m 2") << "and those below it";
  EXPECT_EQ(For("a.A", "ssh:db1"), "m 1");
  EXPECT_EQ(modules_.services().at("a.A")->digest(),
            modules_.loaded()[0]->bundle->digest())
      << "what is for all is what others are shown";
  Load("m", {"a.A"}, "3");
  EXPECT_EQ(For("a.A", "ssh:web1"), "m 3");
  EXPECT_THAT(Loaded(), ElementsAre("m 3"));
}

TEST_F(ModuleVersionsTest, WhatNoneCanReachAnyMoreIsForgotten) {
  Load("m", {"a.A", "a.B"}, "1");
  Load("m", {"a.A"}, "2");
  EXPECT_THAT(Loaded(), ElementsAre("m 1", "m 2")) << "it still has a.B";
  Load("n", {"a.B"}, "3", "ssh:web*");
  EXPECT_THAT(Loaded(), ElementsAre("m 1", "m 2", "n 3"));
  Load("n", {"a.B"}, "4", "ssh:web*");
  EXPECT_THAT(Loaded(), ElementsAre("m 1", "m 2", "n 4"));
  Load("n", {"a.B"}, "5");
  EXPECT_THAT(Loaded(), ElementsAre("m 2", "n 5"));
}

TEST_F(ModuleVersionsTest, AnEarlierVersionMayComeBack) {
  Load("m", {"a.A"}, "1");
  Load("m", {"a.A"}, "2");
  Load("m", {"a.A"}, "1");
  EXPECT_THAT(Loaded(), ElementsAre("m 1"));
}

TEST_F(ModuleVersionsTest, TheLastFourOfANameHavePatchesToTheNext) {
  std::mt19937 random(1);
  std::string image(100'000, '\0');
  for (char& byte : image) byte = static_cast<char>(random());
  std::vector<std::string> digests;
  const auto load = [&](const std::string& version) {
    Load("m", {"a.A"}, image + version);
    digests.push_back(modules_.loaded().back()->bundle->digest());
  };
  const auto has_patch = [&](size_t from, size_t to) {
    return modules_.FindPatch(digests[from], digests[to],
                              parent::ThisPlatform().name) != nullptr;
  };
  for (const char* version : {"0", "1", "2", "3", "4"}) load(version);
  EXPECT_FALSE(has_patch(4, 4));
  for (size_t from = 0; from < 4; ++from) EXPECT_TRUE(has_patch(from, 4));
  load("5");
  EXPECT_FALSE(has_patch(0, 5)) << "too long ago";
  EXPECT_FALSE(has_patch(3, 4)) << "of what is loaded no more";
  for (size_t from = 1; from < 5; ++from) EXPECT_TRUE(has_patch(from, 5));
  // An earlier one comes back.
  load("2");
  EXPECT_TRUE(has_patch(5, 6));
  ASSERT_TRUE(modules_.Unload("m").ok());
  load("6");
  EXPECT_FALSE(has_patch(6, 7)) << "with the last of a name all are forgotten";
}

TEST_F(ModuleVersionsTest, AServiceOfOtherContextsIsUnknown) {
  Load("m", {"a.A"}, "1", "ssh:web*");
  EXPECT_EQ(For("a.A", "local:"), "UNIMPLEMENTED");
  EXPECT_EQ(modules_.FindMethod("/a.A/Do", "local:").status().message(),
            "unknown service a.A: no bundle for local: has it");
  EXPECT_NE(modules_.FindService("a.A"), nullptr) << "but described";
}

TEST_F(ModuleVersionsTest, UnloadsByNameAndByDigest) {
  Load("m", {"a.A"}, "1");
  Load("m", {"a.A"}, "2", "ssh:web*");
  Load("n", {"b.B"}, "1");
  const std::string digest =
      absl::BytesToHexString(modules_.loaded()[1]->bundle->digest());
  EXPECT_EQ(modules_.Unload(digest.substr(0, 7)).status().code(),
            absl::StatusCode::kNotFound)
      << "too short to mean one";
  auto removed = modules_.Unload(digest.substr(0, 8));
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed->size(), 1u);
  EXPECT_EQ(For("a.A", "ssh:web1"), "m 1");
  Load("m", {"a.A"}, "2", "ssh:web*");
  removed = modules_.Unload("m");
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed->size(), 2u);
  EXPECT_THAT(Loaded(), ElementsAre("n 1"));
  EXPECT_EQ(modules_.Unload("m").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ModuleVersionsTest, EachChangeIsTold) {
  int told = 0;
  const uint64_t listener = modules_.AddListener([&told] { ++told; });
  uint64_t generation = modules_.generation();
  const auto changed = [&] {
    const uint64_t before = std::exchange(generation, modules_.generation());
    return generation != before && std::exchange(told, 0) == 1;
  };
  Load("m", {"a.A"});
  EXPECT_TRUE(changed());
  modules_.SetPolicy({});
  EXPECT_TRUE(changed());
  ASSERT_TRUE(modules_.Unload("m").ok());
  EXPECT_TRUE(changed());
  ASSERT_TRUE(modules_.ReplaceWith({kGreeter}).ok());
  EXPECT_TRUE(changed());
  EXPECT_FALSE(modules_.Unload("m").ok());
  EXPECT_FALSE(modules_.Load("no bundle", "x").ok());
  EXPECT_EQ(told, 0);
  modules_.RemoveListener(listener);
  Load("m", {"a.A"});
  EXPECT_EQ(told, 0);
}

TEST_F(ModuleVersionsTest, ThePolicyIsHeldAgainstTheVersionThatItWouldGet) {
  Load("old", {"a.A"});
  Load("new", {"a.A"}, "2", "ssh:web*");
  auto policy = ModulePolicy::Parse(R"(rule { deny: "new" })", "test");
  ASSERT_TRUE(policy.ok());
  modules_.SetPolicy(*policy);
  EXPECT_EQ(For("a.A", "ssh:web1"), "PERMISSION_DENIED");
  EXPECT_EQ(modules_.FindMethod("/a.A/Do", "ssh:web1").status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(For("a.A", "local:"), "old 1");
}

TEST(BundleChecksTest, RefusesWhatInflatesToTooMuch) {
  BundleChecks checks;
  checks.max_image_bytes = 1000;
  ModuleRepository modules(checks);
  EXPECT_TRUE(
      modules.Load(BundleOf("m", {"a.A"}, std::string(1000, 'x')), "m").ok());
  const absl::Status status =
      modules.Load(BundleOf("m", {"a.A"}, std::string(1001, 'x')), "bomb")
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find(
                "bytes and inflates to 1001, more than the limit of 1000"),
            absl::string_view::npos)
      << status;
}

TEST(BundleChecksTest, AsksForASignature) {
  BundleChecks checks;
  auto key = MinisignKey::Parse(
      "RWToaniWhgEEOXVWAufoOQzvGafDD2BA0/fLqqIFVR34sMuBddO0HzIZ", "test");
  ASSERT_TRUE(key.ok());
  checks.keys.push_back(*key);
  ModuleRepository modules(checks);
  absl::Status status = modules.Load(BundleOf("m", {"a.A"}), "m").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(status.message(), "bundle m: it is not signed, and has to be");
  status = modules.LoadFile(kGreeter);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(modules.loaded().empty());
}

class StatementSignatureTest : public testing::Test {
 protected:
  StatementSignatureTest() {
    const auto bundle = importer::Bundle::Parse(std::string(bytes_));
    EXPECT_TRUE(bundle.ok()) << bundle.status();
    text_ = StatementOf(*bundle).value();
    digest_ = bundle->digest();
  }

  static ModulePolicy PolicyOf(const std::string& text) {
    auto policy = ModulePolicy::Parse(text, "test");
    EXPECT_TRUE(policy.ok()) << policy.status();
    return *std::move(policy);
  }
  // Its keys are for some contexts only, so that the others are loaded.
  static ModulePolicy PolicyOf(const MinisignSigner& signer) {
    return PolicyOf("rule { target: \"ssh:lab\" allow: \"key:" +
                    signer.public_text() + "\" }");
  }
  absl::Status Load(const std::string& minisig) {
    LoadModuleOptions options;
    options.statement_signature = minisig;
    return modules_.Load(bytes_, "m", options).status();
  }
  absl::Status Find(const std::string& target) {
    return modules_.FindFor("a.A", target).status();
  }

  ModuleRepository modules_;
  const std::string bytes_ = BundleOf("m", {"a.A"});
  std::string text_;
  std::string digest_;
  const MinisignSigner signer_{'s'};
  const MinisignSigner other_{'o'};
};

TEST_F(StatementSignatureTest, WhatIsSignedAsARuleAsksIsAllowed) {
  modules_.SetPolicy(PolicyOf(signer_));
  ASSERT_TRUE(Load("").ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Find("ssh:lab")));
  EXPECT_TRUE(Find("ssh:web").ok());
  ASSERT_TRUE(Load(other_.Sign(text_)).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Find("ssh:lab")));
  ASSERT_TRUE(Load(signer_.Sign(text_)).ok());
  EXPECT_TRUE(Find("ssh:lab").ok());
  EXPECT_TRUE(modules_.CheckPolicy("m", digest_, "ssh:lab").ok());
  EXPECT_EQ(modules_.loaded().back()->statement.signer_id, signer_.number());
  EXPECT_EQ(modules_.FindStatement(digest_).signer, signer_.public_key());
  EXPECT_EQ(modules_.FindStatement(std::string(32, 'x')).signature, "");
}

TEST_F(StatementSignatureTest, AnotherPolicyMayKnowOtherKeys) {
  ASSERT_TRUE(Load(signer_.Sign(text_)).ok());
  EXPECT_EQ(modules_.FindStatement(digest_).signer, "");
  EXPECT_NE(modules_.FindStatement(digest_).signature, "") << "for old locks";
  modules_.SetPolicy(PolicyOf(signer_));
  EXPECT_TRUE(Find("ssh:lab").ok());
  EXPECT_EQ(modules_.FindStatement(digest_).signer, signer_.public_key());
  modules_.SetPolicy(PolicyOf(other_));
  EXPECT_TRUE(absl::IsPermissionDenied(Find("ssh:lab")));
  // By a key that was unknown when it was loaded, and wrong.
  ASSERT_TRUE(Load(signer_.Sign("something else")).ok());
  modules_.SetPolicy(PolicyOf(signer_));
  EXPECT_TRUE(absl::IsPermissionDenied(Find("ssh:lab")));
  EXPECT_EQ(modules_.FindStatement(digest_).signature, "");
}

TEST_F(StatementSignatureTest, AWrongOneIsNotLoaded) {
  modules_.SetPolicy(PolicyOf(signer_));
  const absl::Status status = Load(signer_.Sign("something else"));
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_EQ(status.message(), "bundle m: its statement: its signature by key " +
                                  signer_.number() + " is not of these bytes");
  EXPECT_TRUE(modules_.loaded().empty());
}

TEST_F(StatementSignatureTest, WhatNobodyCouldGetIsNotLoaded) {
  modules_.SetPolicy(PolicyOf(
      "rule { locked: true allow: \"key:" + signer_.public_text() + "\" }"));
  EXPECT_TRUE(absl::IsPermissionDenied(Load("")));
  EXPECT_TRUE(absl::IsPermissionDenied(Load(other_.Sign(text_))));
  EXPECT_TRUE(modules_.loaded().empty());
  EXPECT_TRUE(Load(signer_.Sign(text_)).ok());
}

TEST_F(StatementSignatureTest, IsFoundBesideTheFile) {
  const std::string path = testing::TempDir() + "beside.rmod";
  std::ofstream(path, std::ios::binary) << bytes_;
  const ModulePolicy policy = PolicyOf(signer_);
  ASSERT_TRUE(modules_.ReplaceWith({path}, policy).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Find("ssh:lab")));
  std::ofstream(path + kStatementSuffix) << signer_.Sign(text_);
  ASSERT_TRUE(modules_.LoadFile(path).ok());
  EXPECT_TRUE(Find("ssh:lab").ok());
  std::ofstream(path + kStatementSuffix) << signer_.Sign("something else");
  EXPECT_TRUE(absl::IsPermissionDenied(modules_.ReplaceWith({path}, policy)));
  EXPECT_TRUE(Find("ssh:lab").ok()) << "the old set stays";
}

}  // namespace
}  // namespace ramet::server
