#include "server/signed_statement.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "core/base/sha256.h"
#include "importer/module_locks.h"
#include "server/module_announcement.h"
#include "server/testing/minisign_signer.h"
#include "tools/bundle/bundle_writer.h"

namespace ramet::server {
namespace {

importer::Bundle BundleOf(const std::string& name,
                          const std::string& variable = "") {
  bundle::Manifest manifest;
  manifest.set_name(name);
  if (!variable.empty()) manifest.mutable_process()->add_environment(variable);
  bundle::BundleWriter writer(std::move(manifest));
  EXPECT_TRUE(writer.AddImage("linux-x86_64", "one").ok());
  EXPECT_TRUE(writer.AddImage("linux-aarch64", "two").ok());
  auto bundle = importer::Bundle::Parse(writer.Finish());
  EXPECT_TRUE(bundle.ok()) << bundle.status();
  return *std::move(bundle);
}

std::string TextOf(const importer::Bundle& bundle) {
  const auto text = StatementOf(bundle);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? *text : "";
}

class SignedStatementTest : public testing::Test {
 protected:
  static MinisignKey KeyOf(const MinisignSigner& signer) {
    return *MinisignKey::Parse(signer.public_text(), "test");
  }
  std::string Error(const std::string& minisig,
                    const std::vector<MinisignKey>& keys) {
    const auto checked = SignedStatement::Check(bundle_, minisig, keys);
    EXPECT_TRUE(absl::IsPermissionDenied(checked.status()));
    return std::string(checked.status().message());
  }
  std::string LockOf(const MinisignSigner& signer) {
    return "=rule\n+key:" + absl::BytesToHexString(signer.public_key()) + "\n";
  }
  core::LoadModule Announced(int image) {
    return AnnounceModule(bundle_, bundle_.manifest().images(image), 0);
  }

  const importer::Bundle bundle_ = BundleOf("m", "A=1");
  const MinisignSigner signer_{'\x11'};
  const MinisignSigner other_{'\x22'};
};

TEST_F(SignedStatementTest, AStatementHasEachImageWithItsValues) {
  std::string expected = "ramet module m\n";
  for (const auto& image : bundle_.manifest().images()) {
    expected += "image:" + absl::BytesToHexString(image.sha256()) + "+" +
                absl::BytesToHexString(core::Sha256Digest("3:A=1")) + "\n";
  }
  EXPECT_EQ(TextOf(bundle_), expected);
  EXPECT_EQ(TextOf(BundleOf("m", "A=1")), expected) << "always the same";
  EXPECT_NE(TextOf(BundleOf("m", "A=2")), expected);
}

TEST_F(SignedStatementTest, ANameOfTwoLinesCantBeSigned) {
  const auto text = StatementOf(BundleOf("m\nimage:12"));
  EXPECT_EQ(text.status(), absl::InvalidArgumentError(
                               "module \"m\\nimage:12\" can't be signed: its "
                               "name is no line of text"));
}

TEST_F(SignedStatementTest, KnowsWhoHasSigned) {
  const std::string minisig = signer_.Sign(TextOf(bundle_));
  const auto checked =
      SignedStatement::Check(bundle_, minisig, {KeyOf(other_), KeyOf(signer_)});
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->signer, signer_.public_key());
  EXPECT_EQ(checked->signer_id, signer_.number());
  EXPECT_EQ(checked->text, TextOf(bundle_));
  EXPECT_EQ(checked->signature.size(), 64u);
}

TEST_F(SignedStatementTest, TakesOneByAKeyThatNobodyHasNamed) {
  const auto checked = SignedStatement::Check(
      bundle_, signer_.Sign(TextOf(bundle_)), {KeyOf(other_)});
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->signer, "");
  EXPECT_EQ(checked->signature.size(), 64u);
  const auto none = SignedStatement::Check(bundle_, "", {KeyOf(signer_)});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->signature, "");
}

TEST_F(SignedStatementTest, RefusesAWrongOneByAKnownKey) {
  EXPECT_EQ(Error(signer_.Sign("else"), {KeyOf(signer_)}),
            "its statement: its signature by key 1111111111111111 is not of "
            "these bytes");
  EXPECT_EQ(Error(signer_.Sign(TextOf(BundleOf("m"))), {KeyOf(signer_)}),
            "its statement: its signature by key 1111111111111111 is not of "
            "these bytes");
  EXPECT_EQ(Error("text", {}),
            "its statement: its signature is none of minisign's");
}

TEST_F(SignedStatementTest, AnotherKeyWithTheSameNumberDoesNoHarm) {
  const MinisignSigner same('\x33', std::string(8, '\x11'));
  const auto checked = SignedStatement::Check(
      bundle_, signer_.Sign(TextOf(bundle_)), {KeyOf(same), KeyOf(signer_)});
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->signer, signer_.public_key());
}

TEST_F(SignedStatementTest, RefusesAHashedOneAndSaysWhatToDo) {
  std::string minisig = signer_.Sign(TextOf(bundle_));
  const std::string plain = absl::Base64Escape("Ed" + std::string(1, '\x11'));
  const std::string hashed = absl::Base64Escape("ED" + std::string(1, '\x11'));
  const size_t at = minisig.find(plain);
  ASSERT_NE(at, std::string::npos);
  minisig.replace(at, hashed.size(), hashed);
  EXPECT_EQ(Error(minisig, {}),
            "its statement: its signature is a hashed one, which contexts "
            "can't check: minisign -S -l makes one that they can");
}

TEST_F(SignedStatementTest, GoesToContextsWhoseLocksAskForIt) {
  const auto signed_by = [&](const std::vector<MinisignKey>& keys) {
    return *SignedStatement::Check(bundle_, signer_.Sign(TextOf(bundle_)),
                                   keys);
  };
  // The second: who has signed it is found by the lock.
  for (const SignedStatement& statement :
       {signed_by({KeyOf(signer_)}), signed_by({})}) {
    for (int image = 0; image < 2; ++image) {
      core::LoadModule load = Announced(image);
      statement.AddTo("=x\n+name\n+image:12\n=y\n-key:12\n", &load);
      statement.AddTo(LockOf(other_), &load);
      EXPECT_EQ(load.statement + load.signature + load.signer, "");
      const std::string locks = "=first\n-m2\n" + LockOf(signer_);
      EXPECT_EQ(importer::FindRefusing(locks, load), "rule");
      statement.AddTo(locks, &load);
      EXPECT_EQ(load.signer, signer_.public_key());
      EXPECT_EQ(importer::FindRefusing(locks, load).data(), nullptr);
    }
  }
  core::LoadModule load = Announced(0);
  SignedStatement().AddTo(LockOf(signer_), &load);
  EXPECT_EQ(load.statement + load.signature + load.signer, "");
}

}  // namespace
}  // namespace ramet::server
