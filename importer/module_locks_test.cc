#include "importer/module_locks.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/sha256.h"
#include "core/base/strings.h"
#include "core/testing/ed25519_signer.h"
#include "importer/module_statement.h"

namespace ramet::importer {
namespace {

core::LoadModule Announced(const std::string& name, const std::string& image) {
  core::LoadModule announced;
  announced.name = name;
  announced.digest = core::Sha256Digest(image);
  return announced;
}

// The lock that refuses; "none".
std::string Refusing(const std::string& locks,
                     const core::LoadModule& announced) {
  const std::string_view lock = FindRefusing(locks, announced);
  return lock.data() == nullptr ? "none" : std::string(lock);
}
std::string Refusing(const std::string& locks, const std::string& name) {
  return Refusing(locks, Announced(name, "image"));
}

TEST(ModuleLocksTest, WithoutLocksEverythingIsAllowed) {
  EXPECT_EQ(Refusing("", "probe"), "none");
  EXPECT_EQ(Refusing("=nothing\n", "probe"), "none");
}

TEST(ModuleLocksTest, ADenialHoldsBesideWhatIsAllowed) {
  const std::string locks = "=rule\n-demo-bad*\n+demo-*\n+probe\n";
  EXPECT_EQ(Refusing(locks, "demo-good"), "none");
  EXPECT_EQ(Refusing(locks, "probe"), "none");
  EXPECT_EQ(Refusing(locks, "demo-bad-1"), "rule");
  EXPECT_EQ(Refusing(locks, "other"), "rule");
  EXPECT_EQ(Refusing("=rule\n-x\n", "other"), "none");
}

TEST(ModuleLocksTest, EachLockHolds) {
  const std::string locks = "=first\n+a\n+b\n=second\n+b\n+c\n";
  EXPECT_EQ(Refusing(locks, "a"), "second");
  EXPECT_EQ(Refusing(locks, "b"), "none");
  EXPECT_EQ(Refusing(locks, "c"), "first");
  EXPECT_EQ(Refusing(locks, "d"), "first");
}

TEST(ModuleLocksTest, AnImageIsKnownByItsDigest) {
  const core::LoadModule good = Announced("m", "good");
  const std::string locks = "=pins\n+" + ImageText(good) + "\n";
  EXPECT_EQ(ImageText(good), "image:" + core::Hex(core::Sha256Digest("good")));
  EXPECT_EQ(Refusing(locks, good), "none");
  EXPECT_EQ(Refusing(locks, Announced("another name", "good")), "none");
  EXPECT_EQ(Refusing(locks, Announced("m", "evil")), "pins");
  EXPECT_EQ(Refusing("=p\n-" + ImageText(good).substr(0, 12) + "*\n", good),
            "p");
}

// Whoever announces chooses the name.
TEST(ModuleLocksTest, ANameIsNeverTakenForAnImage) {
  const core::LoadModule good = Announced("m", "good");
  const std::string locks = "=pins\n+" + ImageText(good) + "\n";
  EXPECT_EQ(Refusing(locks, Announced(ImageText(good), "evil")), "pins");
  EXPECT_EQ(Refusing("=p\n+image:*\n", Announced("", "evil")), "none");
  EXPECT_EQ(Refusing("=p\n+m*\n", Announced("image:m", "evil")), "p");
  EXPECT_EQ(Refusing("=p\n+image:\n", Announced("", "any")), "p");
}

// A variable like LD_PRELOAD makes another program of an image.
TEST(ModuleLocksTest, ValuesOfVariablesBelongToTheImage) {
  const core::LoadModule plain = Announced("m", "good");
  core::LoadModule passed = plain;
  passed.environment = {"PATH", "HOME"};
  EXPECT_EQ(ImageText(passed), ImageText(plain));
  core::LoadModule set = passed;
  set.environment.push_back("A=1");
  set.environment.push_back("B=2");
  EXPECT_EQ(ImageText(set), ImageText(plain) + "+" +
                                core::Hex(core::Sha256Digest("3:A=13:B=2")));
  const std::string exact = "=pins\n+" + ImageText(plain) + "\n";
  EXPECT_EQ(Refusing(exact, set), "pins");
  EXPECT_EQ(Refusing("=p\n+" + ImageText(plain) + "*\n", set), "none");
  core::LoadModule joined = passed;
  joined.environment.push_back("A=13:B=2");
  EXPECT_NE(ImageText(joined), ImageText(set));
  const std::string pinned = "=pins\n+" + ImageText(set) + "\n";
  EXPECT_EQ(Refusing(pinned, set), "none");
  EXPECT_EQ(Refusing(pinned, plain), "pins");
  EXPECT_EQ(Refusing(pinned, joined), "pins");
}

std::string KeyText(const core::Ed25519Signer& signer) {
  return core::Concat({kKeyPrefix, core::Hex(signer.public_key())});
}
// Signs it as the master shows it to contexts.
void Sign(const core::Ed25519Signer& signer, core::LoadModule* announced) {
  announced->statement =
      StatementText(announced->name, {ImageText(*announced)});
  announced->signature = signer.Sign(announced->statement);
  announced->signer = signer.public_key();
}

TEST(ModuleLocksTest, AKeyOpensALockForWhatItHasSigned) {
  const core::Ed25519Signer signer(std::string(32, 's'));
  const core::Ed25519Signer other(std::string(32, 'o'));
  const std::string locks = "=keys\n+" + KeyText(signer) + "\n";
  for (const char* image : {"version 1", "version 2"}) {
    core::LoadModule announced = Announced("m", image);
    EXPECT_EQ(Refusing(locks, announced), "keys");
    Sign(other, &announced);
    EXPECT_EQ(Refusing(locks, announced), "keys");
    EXPECT_EQ(
        Refusing("=either\n+" + KeyText(signer) + "\n+" + KeyText(other) + "\n",
                 announced),
        "none");
    EXPECT_EQ(Refusing(locks + "=too\n+" + KeyText(other) + "\n", announced),
              "keys")
        << "each lock holds";
    Sign(signer, &announced);
    EXPECT_EQ(Refusing(locks, announced), "none");
    EXPECT_EQ(Refusing(locks + "=no m\n-m\n", announced), "no m");
    EXPECT_EQ(Refusing(locks + "=again\n+" + KeyText(signer) + "\n", announced),
              "none");
    announced.name = "renamed";
    EXPECT_EQ(Refusing(locks, announced), "keys");
  }
}

TEST(ModuleLocksTest, ASignatureIsOfOneImageWithItsValues) {
  const core::Ed25519Signer signer(std::string(32, 's'));
  const std::string locks = "=keys\n+" + KeyText(signer) + "\n";
  core::LoadModule announced = Announced("m", "good");
  Sign(signer, &announced);
  core::LoadModule changed = announced;
  changed.digest = core::Sha256Digest("evil");
  EXPECT_EQ(Refusing(locks, changed), "keys");
  changed = announced;
  changed.environment = {"LD_PRELOAD=/tmp/evil.so"};
  EXPECT_EQ(Refusing(locks, changed), "keys");
  changed.environment = {"HOME"};
  EXPECT_EQ(Refusing(locks, changed), "none");
}

// A key, an image and a name are three things, and whoever announces chooses
// the name.
TEST(ModuleLocksTest, ANameOrAnImageIsNeverTakenForAKey) {
  const core::Ed25519Signer signer(std::string(32, 's'));
  const std::string key = KeyText(signer);
  core::LoadModule named = Announced(key, "evil");
  EXPECT_EQ(Refusing("=k\n+" + key + "\n", named), "k");
  EXPECT_EQ(Refusing("=k\n-" + key + "\n", named), "none");
  named.signer = signer.public_key();  // and nothing signed
  EXPECT_EQ(Refusing("=k\n+" + key + "\n", named), "k");
  EXPECT_EQ(Refusing("=k\n+key:*\n", named), "k");
  core::LoadModule announced = Announced("m", "good");
  Sign(signer, &announced);
  EXPECT_EQ(Refusing("=i\n+image:" + key.substr(4) + "\n", announced), "i");
  EXPECT_EQ(Refusing("=n\n+" + key.substr(4) + "\n", announced), "n");
  EXPECT_EQ(Refusing("=n\n+key\n", announced), "n");
  EXPECT_EQ(Refusing("=n\n+key:\n", Announced("", "x")), "n")
      << "no signer is no key";
}

TEST(ModuleLocksTest, WhatIsMalformedAllowsNoMore) {
  EXPECT_EQ(Refusing("+m\n", "m"), "none");
  EXPECT_EQ(Refusing("+x\n", "m"), "");
  EXPECT_EQ(Refusing("\n", "m"), "");
  EXPECT_EQ(Refusing("=rule\n\n\n", "m"), "rule");
  EXPECT_EQ(Refusing("=rule\nx\n", "m"), "rule");
  EXPECT_EQ(Refusing("=\n-m\n", "m"), "");
  // A line without an end, as when it was cut off, is none.
  EXPECT_EQ(Refusing("=rule\n+x\n+m", "m"), "rule");
  EXPECT_EQ(Refusing("=rule\n+m\n-m", "m"), "rule");
  EXPECT_EQ(Refusing("=rule\n+m\n-", "m"), "rule");
  // An empty line is not the lines behind it.
  EXPECT_EQ(Refusing("=rule\n\n+x\n", "\n+x"), "rule");
}

}  // namespace
}  // namespace ramet::importer
