#include "server/module_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace ramet::server {
namespace {

const std::string kDigest(32, '\xab');

ModulePolicy PolicyOf(const std::string& text) {
  auto policy = ModulePolicy::Parse(text, "test");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? *std::move(policy) : ModulePolicy();
}

bool Allows(const ModulePolicy& policy, const std::string& name,
            const std::string& target) {
  return policy.Check(name, kDigest, target).ok();
}

TEST(ModulePolicyTest, WithoutRulesEverythingIsAllowed) {
  EXPECT_TRUE(Allows(ModulePolicy(), "greeter", "ssh:web1"));
}

TEST(ModulePolicyTest, DenialsComeBeforeWhatIsAllowed) {
  const ModulePolicy policy =
      PolicyOf(R"(rule { deny: "demo-bad*" allow: "demo-*" })");
  EXPECT_TRUE(Allows(policy, "demo-good", "ssh:web1"));
  EXPECT_FALSE(Allows(policy, "demo-bad-1", "ssh:web1"));
  EXPECT_FALSE(Allows(policy, "other", "ssh:web1"));
}

TEST(ModulePolicyTest, KnowsModulesByTheirDigests) {
  const std::string hex(64, 'x');
  std::string digest = "sha256:";
  for (int i = 0; i < 32; ++i) digest += "ab";
  EXPECT_TRUE(Allows(PolicyOf("rule { allow: \"" + digest + "\" }"), "m", "l"));
  EXPECT_TRUE(Allows(PolicyOf("rule { allow: \"sha256:abab*\" }"), "m", "l"));
  EXPECT_FALSE(
      Allows(PolicyOf("rule { allow: \"sha256:" + hex + "\" }"), "m", "l"));
  EXPECT_FALSE(Allows(PolicyOf("rule { deny: \"" + digest + "\" }"), "m", "l"));
}

TEST(ModulePolicyTest, ARuleIsForAWholeSubtree) {
  const ModulePolicy policy =
      PolicyOf(R"(rule { target: "ssh:lab*" allow: "probe" })");
  EXPECT_TRUE(Allows(policy, "greeter", "ssh:web1"));
  EXPECT_FALSE(Allows(policy, "greeter", "ssh:lab1"));
  EXPECT_FALSE(Allows(policy, "greeter", "ssh:lab1/ssh:web1/local:"));
  EXPECT_TRUE(Allows(policy, "probe", "ssh:lab1/ssh:web1"));
}

TEST(ModulePolicyTest, ASubtreeIsNarrowedAndNeverWidened) {
  const ModulePolicy policy = PolicyOf(R"(
    rule { target: "ssh:lab" deny: "greeter" }
    rule { target: "ssh:lab/ssh:a" allow: "greeter" allow: "probe" }
    rule { target: "ssh:lab/ssh:b" deny: "probe" })");
  EXPECT_FALSE(Allows(policy, "greeter", "ssh:lab/ssh:a"));
  EXPECT_TRUE(Allows(policy, "probe", "ssh:lab/ssh:a"));
  EXPECT_FALSE(Allows(policy, "probe", "ssh:lab/ssh:b"));
  EXPECT_TRUE(Allows(policy, "probe", "ssh:lab"));
}

TEST(ModulePolicyTest, ARefusalNamesModuleDigestAndRule) {
  const ModulePolicy policy = PolicyOf(R"(
    rule { deny: "x" } rule { target: "ssh:*" allow: "a" allow: "b" })");
  const absl::Status status = policy.Check("greeter", kDigest, "ssh:web1");
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  std::string hex;
  for (int i = 0; i < 32; ++i) hex += "ab";
  EXPECT_EQ(status.message(),
            "context ssh:web1 may not get module greeter (sha256:" + hex +
                "): rule 2 for \"ssh:*\" allows only \"a\", \"b\"");
  EXPECT_EQ(policy.Check("x", kDigest, "local:").message(),
            "context local: may not get module x (sha256:" + hex +
                "): rule 1 denies \"x\"");
}

TEST(ModulePolicyTest, SaysWhatIsWrongWithAFile) {
  EXPECT_EQ(ModulePolicy::Parse("rule { allow: }", "f").status().message(),
            "module policy f: line 1, column 15: Expected string, got: }");
  EXPECT_EQ(
      ModulePolicy::Parse("rule { target: \"a\" }", "f").status().message(),
      "module policy f: rule 1 has neither allow nor deny");
  EXPECT_EQ(ModulePolicy::LoadFile("/no/such").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace ramet::server
