#include "server/module_policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "server/testing/minisign_signer.h"

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
  return policy.Check({name, kDigest, {}}, target).ok();
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
  const absl::Status status =
      policy.Check({"greeter", kDigest, {}}, "ssh:web1");
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  std::string hex;
  for (int i = 0; i < 32; ++i) hex += "ab";
  EXPECT_EQ(status.message(),
            "context ssh:web1 may not get module greeter (sha256:" + hex +
                "): rule 2 for \"ssh:*\" allows only \"a\", \"b\"");
  EXPECT_EQ(policy.Check({"x", kDigest, {}}, "local:").message(),
            "context local: may not get module x (sha256:" + hex +
                "): rule 1 denies \"x\"");
}

TEST(ModulePolicyTest, KnowsModulesByTheirImages) {
  const PolicySubject module{"m", kDigest, {"image:12ab", "image:34cd"}};
  EXPECT_TRUE(
      PolicyOf(R"(rule { allow: "image:34*" })").Check(module, "l").ok());
  EXPECT_FALSE(
      PolicyOf(R"(rule { allow: "image:5*" })").Check(module, "l").ok());
  EXPECT_FALSE(
      PolicyOf(R"(rule { deny: "image:12ab" })").Check(module, "l").ok());
}

TEST(ModulePolicyTest, AnImageIsDeniedWithWhateverValuesOfVariables) {
  const PolicySubject module{"m", kDigest, {"image:12ab+34"}};
  EXPECT_FALSE(
      PolicyOf(R"(rule { deny: "image:12ab" })").Check(module, "l").ok());
  EXPECT_FALSE(
      PolicyOf(R"(rule { allow: "image:12ab" })").Check(module, "l").ok());
  EXPECT_EQ(PolicyOf(R"(rule { locked: true deny: "image:12ab" })")
                .Locks({}, "l")
                .at(0),
            "=rule 1\n-image:12ab*\n");
}

TEST(ModulePolicyTest, AModuleIsNotRefusedForImagesThatAreForgotten) {
  const PolicySubject module{"m", kDigest, {}};
  EXPECT_TRUE(
      PolicyOf(R"(rule { allow: "image:3*" })").Check(module, "l").ok());
  EXPECT_TRUE(PolicyOf(R"(rule { deny: "image:3*" })").Check(module, "l").ok());
  EXPECT_FALSE(PolicyOf(R"(rule { allow: "x" })").Check(module, "l").ok());
}

TEST(ModulePolicyTest, ANameIsNoDigest) {
  const PolicySubject fake{"sha256:" + std::string(64, 'c'), kDigest, {}};
  EXPECT_FALSE(
      PolicyOf(R"(rule { allow: "sha256:c*" })").Check(fake, "l").ok());
  const PolicySubject image{"image:ab", kDigest, {"image:cd"}};
  EXPECT_FALSE(
      PolicyOf(R"(rule { allow: "image:a*" })").Check(image, "l").ok());
}

using Strings = std::vector<std::string>;

TEST(ModulePolicyTest, LockedRulesAreWhatContextsHold) {
  const ModulePolicy policy = PolicyOf(R"(
    rule { deny: "not-held" }
    rule { target: "ssh:lab*" locked: true allow: "probe" allow: "image:ab*"
           deny: "bad*" }
    rule { target: "ssh:lab/ssh:a" locked: true deny: "x" name: "no x" })");
  EXPECT_EQ(policy.Locks({}, "ssh:web"), Strings{});
  const std::string lab =
      "=rule 2 for \"ssh:lab*\"\n-bad*\n+probe\n+image:ab*\n";
  EXPECT_EQ(policy.Locks({}, "ssh:lab"), Strings{lab});
  EXPECT_EQ(policy.Locks({}, "ssh:lab/ssh:a"),
            (Strings{lab, "=no x for \"ssh:lab/ssh:a\"\n-x\n"}));
  EXPECT_FALSE(Allows(policy, "bad1", "ssh:lab")) << "the master, as well";
}

TEST(ModulePolicyTest, KnowsModulesByWhoHasSignedThem) {
  const MinisignSigner signer('s');
  const std::string key = "key:" + absl::BytesToHexString(signer.public_key());
  const ModulePolicy policy = PolicyOf(
      "rule { target: \"ssh:lab\" locked: true name: \"signed\" allow: \"key:" +
      signer.public_text() + "\" allow: \"probe\" }");
  ASSERT_EQ(policy.keys().size(), 1u);
  EXPECT_EQ(policy.keys()[0].key(), signer.public_key());
  EXPECT_EQ(policy.Locks({}, "ssh:lab"),
            Strings{"=signed for \"ssh:lab\"\n+" + key + "\n+probe\n"});
  const auto check = [&policy](const PolicySubject& module,
                               const std::string& target) {
    return std::string(policy.Check(module, target).message());
  };
  const std::string refused = "(sha256:" + absl::BytesToHexString(kDigest) +
                              "): signed for \"ssh:lab\" allows only \"" + key +
                              "\", \"probe\"; its statement is signed by ";
  EXPECT_EQ(check({"m", kDigest, {"image:1"}, key}, "ssh:lab"), "");
  EXPECT_EQ(check({"m", kDigest, {"image:1"}}, "ssh:lab"),
            "context ssh:lab may not get module m " + refused +
                "nobody who is known here");
  EXPECT_EQ(
      check({key, kDigest, {key}, "key:12"}, "ssh:lab"),
      "context ssh:lab may not get module " + key + " " + refused + "key:12");
  EXPECT_EQ(check({"probe", kDigest, {"image:1"}}, "ssh:lab"), "");
  EXPECT_EQ(check({"m", kDigest, {"image:1"}}, "ssh:web"), "");
  EXPECT_EQ(check({"m", kDigest, {}}, "ssh:lab"), "") << "it is forgotten";
}

TEST(ModulePolicyTest, WhatNobodyMayGetForItsSignatureIsNotLoaded) {
  const MinisignSigner signer('s');
  const std::string allow = " allow: \"key:" + signer.public_text() + "\" ";
  const PolicySubject good{
      "m",
      kDigest,
      {"image:1"},
      "key:" + absl::BytesToHexString(signer.public_key())};
  const PolicySubject bad{"m", kDigest, {"image:1"}};
  const ModulePolicy all = PolicyOf("rule { name: \"signed\"" + allow + "}");
  EXPECT_TRUE(all.CheckSigned(good).ok());
  EXPECT_EQ(all.CheckSigned(bad),
            absl::PermissionDeniedError(
                "its statement is not signed by a key that signed allows: sign "
                "what `ramet module statement` prints"));
  for (const std::string& other :
       {"rule { target: \"ssh:*\"" + allow + "}",
        "rule {" + allow + "allow: \"x\" }",
        "rule { locked: true allow_loaded: true" + allow + "}",
        std::string("rule { deny: \"m\" }")}) {
    EXPECT_TRUE(PolicyOf(other).CheckSigned(bad).ok()) << other;
  }
}

TEST(ModulePolicyTest, RefusesKeysThatAreNone) {
  const MinisignSigner signer('s');
  const auto flaw = [](const std::string& rule) {
    return std::string(
        ModulePolicy::Parse("rule { " + rule + " }", "f").status().message());
  };
  for (const std::string& key :
       {std::string(), std::string("*"), std::string("RWQ*"),
        absl::BytesToHexString(signer.public_key()),
        signer.public_text().substr(1)}) {
    EXPECT_EQ(flaw("allow: \"key:" + key + "\""),
              "module policy f: rule 1 allows \"key:" + key +
                  "\", which is no public key of minisign");
  }
  EXPECT_EQ(flaw("deny: \"key:" + signer.public_text() + "\""),
            "module policy f: rule 1 denies \"key:" + signer.public_text() +
                "\": whoever is denied would leave out his signature");
}

TEST(ModulePolicyTest, ALockAllowsTheImagesOfBundlesThatAreLoaded) {
  const std::vector<PolicySubject> loaded{
      {"a", std::string(32, '\xab'), {"image:1", "image:2"}},
      {"b", std::string(32, '\xcd'), {"image:2", "image:3"}}};
  EXPECT_EQ(PolicyOf(R"(rule { locked: true allow: "sha256:cd*" allow: "n" })")
                .Locks(loaded, "l"),
            Strings{"=rule 1\n+n\n+image:2\n+image:3\n"});
  EXPECT_EQ(PolicyOf(R"(rule { locked: true allow_loaded: true name: "pins" })")
                .Locks(loaded, "l"),
            Strings{"=pins\n+image:1\n+image:2\n+image:3\n"});
  EXPECT_EQ(PolicyOf(R"(rule { locked: true allow: "sha256:ee*" })")
                .Locks(loaded, "l"),
            Strings{"=rule 1\n+image:\n"})
      << "there is none: nothing is allowed";
}

TEST(ModulePolicyTest, RefusesLockedRulesThatCantBeHeld) {
  const auto flaw = [](const std::string& text) {
    return std::string(ModulePolicy::Parse(text, "f").status().message());
  };
  EXPECT_EQ(flaw(R"(rule { locked: true deny: "sha256:ab*" })"),
            "module policy f: rule 1 is locked and denies \"sha256:ab*\": "
            "contexts don't know the digests of bundles; deny \"image:...\"");
  EXPECT_EQ(flaw("rule { allow_loaded: true }"),
            "module policy f: rule 1 has allow_loaded without locked");
  EXPECT_EQ(flaw("rule { locked: true }"),
            "module policy f: rule 1 has neither allow nor deny");
  for (const char* pattern : {"", "a\\n+*"}) {
    EXPECT_EQ(
        flaw(std::string("rule { locked: true allow: \"") + pattern + "\" }"),
        "module policy f: rule 1 is locked, and has a pattern that is "
        "empty or no line of text");
  }
  EXPECT_EQ(flaw(R"(rule { locked: true deny: "x" name: "a\n" })"),
            "module policy f: rule 1 has a name of more than 200 bytes or one "
            "line");
  EXPECT_EQ(flaw(R"(rule { deny: "image:9C11*" })"),
            "module policy f: rule 1 has \"image:9C11*\", which is no "
            "lower-case hex");
  std::string many;
  for (int i = 0; i < 40; ++i) {
    many += "rule { locked: true deny: \"" + std::string(1000, 'x') + "\" }";
  }
  EXPECT_NE(flaw(many).find("bytes together, of which contexts hold at most"),
            std::string::npos);
}

TEST(ModulePolicyTest, ALockIsCalledByOneShortLine) {
  std::string targets;
  for (int i = 0; i < 100; ++i) targets += "target: \"ssh:w\xc3\xa4*\\n\" ";
  const Strings locks = PolicyOf("rule { locked: true deny: \"x\" " + targets +
                                 " target: \"l\" }")
                            .Locks({}, "l");
  ASSERT_EQ(locks.size(), 1u);
  const size_t end = locks[0].find('\n');
  EXPECT_LE(end, 201u);
  EXPECT_GT(end, 197u);
  EXPECT_EQ(locks[0].substr(end), "\n-x\n");
  EXPECT_NE(locks[0][end - 1], '\xc3') << "half of a character";
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
