#include "importer/module_statement.h"

#include <gtest/gtest.h>

#include <string>

#include "core/testing/ed25519_signer.h"

namespace ramet::importer {
namespace {

constexpr char kImage[] = "image:12ab";

class ModuleStatementTest : public testing::Test {
 protected:
  // Of the module m, with a statement that is signed as it should be.
  core::LoadModule Announced(const std::string& statement) {
    core::LoadModule announced;
    announced.name = "m";
    announced.statement = statement;
    announced.signature = signer_.Sign(statement);
    announced.signer = signer_.public_key();
    return announced;
  }
  bool IsSignedBy(const std::string& statement) {
    return IsSigned(Announced(statement), kImage);
  }

  const core::Ed25519Signer signer_{std::string(32, 's')};
};

TEST_F(ModuleStatementTest, IsTheNameAndTheImages) {
  EXPECT_EQ(StatementText("m", {}), "ramet module m\n");
  EXPECT_EQ(StatementText("a b", {"image:1+2", "image:3"}),
            "ramet module a b\nimage:1+2\nimage:3\n");
}

TEST_F(ModuleStatementTest, AnyImageOfItIsSigned) {
  EXPECT_TRUE(IsSignedBy(StatementText("m", {kImage})));
  EXPECT_TRUE(IsSignedBy(StatementText("m", {"image:00", kImage, "image:ff"})));
}

TEST_F(ModuleStatementTest, OtherImagesAreNot) {
  EXPECT_FALSE(IsSignedBy(StatementText("m", {})));
  // Not the same values of variables, nor the beginning or the end of a line.
  for (const char* other : {"image:12ab+cd", "image:12a", "image:12abc",
                            " image:12ab", "ximage:12ab", "12ab", "image:"}) {
    EXPECT_FALSE(IsSignedBy(StatementText("m", {other}))) << other;
  }
}

TEST_F(ModuleStatementTest, AStatementIsOfOneModule) {
  for (const char* name : {"", "n", "m2", "M", "m\n", "m\nimage:12ab"}) {
    core::LoadModule announced = Announced(StatementText("m", {kImage}));
    announced.name = name;
    EXPECT_FALSE(IsSigned(announced, kImage)) << name;
  }
  core::LoadModule announced = Announced(StatementText("n\nm", {kImage}));
  announced.name = "n\nm";
  EXPECT_FALSE(IsSigned(announced, kImage)) << "a name of two lines";
}

TEST_F(ModuleStatementTest, WhatIsSignedForSomethingElseIsNone) {
  for (const char* text :
       {"", "\n", "ramet module m", "image:12ab\n", "ramet module m\r\n",
        "\nramet module m\nimage:12ab\n", " ramet module m\nimage:12ab\n",
        "ramet module m\nimage:12ab", "ramet module m\r\nimage:12ab\r\n",
        "ramet module m image:12ab\n", "m\nimage:12ab\n"}) {
    EXPECT_FALSE(IsSignedBy(text)) << text;
  }
}

TEST_F(ModuleStatementTest, TheSignatureIsThatOfTheSigner) {
  const core::LoadModule good = Announced(StatementText("m", {kImage}));
  core::LoadModule changed = good;
  changed.statement += "image:34\n";
  EXPECT_FALSE(IsSigned(changed, kImage)) << "an image more";
  changed = good;
  changed.signature[5] ^= 1;
  EXPECT_FALSE(IsSigned(changed, kImage));
  changed = good;
  changed.signer = core::Ed25519Signer(std::string(32, 'o')).public_key();
  EXPECT_FALSE(IsSigned(changed, kImage));
  for (std::string core::LoadModule::*member :
       {&core::LoadModule::statement, &core::LoadModule::signature,
        &core::LoadModule::signer}) {
    changed = good;
    (changed.*member).clear();
    EXPECT_FALSE(IsSigned(changed, kImage));
  }
}

}  // namespace
}  // namespace ramet::importer
