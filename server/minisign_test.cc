#include "server/minisign.h"

#include <gtest/gtest.h>

#include <string>

namespace ramet::server {
namespace {

using absl::StatusCode;

// Made by minisign 0.11: a key, another, and two signatures of kBytes by the
// first, hashed and not (`minisign -S -l`).
constexpr char kBytes[] = "the bytes";
const std::string kKey =
    "untrusted comment: minisign public key 3904018696786AE8\n"
    "RWToaniWhgEEOXVWAufoOQzvGafDD2BA0/fLqqIFVR34sMuBddO0HzIZ\n";
const std::string kOtherKey =
    "untrusted comment: minisign public key EBBB056A177913A1\n"
    "RWShE3kXagW768V18IpCQFDZL1IfPcPFRe0Y2Yu6w1MW6rYKs4Fo+6EB\n";
const std::string kHashedSignature =
    "untrusted comment: signature from minisign secret key\n"
    "RUToaniWhgEEObw3PXwv8WTEj7Rix6hBlxEbTSF4s9iQlCsRDixbDVttVls/RxzF03/"
    "gVdaQu4O5ERr5hmwCm/Y4biY4I3jgBAM=\n"
    "trusted comment: a comment\n"
    "H0KF9F5otT1fQwr0vqeLBcPn5P9y15l8e3Etuh6imGQ70yK1NJ+"
    "3kiEwlo5Y9WNhc8eYtWkVamF2wmARGWH7Bw==\n";
const std::string kPlainSignature =
    "untrusted comment: signature from minisign secret key\n"
    "RWToaniWhgEEOTD8gCgvnwEAWxwNjitfRnGRQkie7Budb6Ve5/"
    "gnhyzpOOgoApW0S4DR+WgvrTwQlDgy9rgFAvLEQGaZBdWViAc=\n"
    "trusted comment: legacy\n"
    "NUQNvtkPjK63mldS+22G9pPTZUv2MW2ARYMTZwSrlovubYmU19BxljhYW9Cakc0/"
    "XZUb+r8CY4Gu6On4UUC1DQ==\n";

MinisignKey KeyOf(const std::string& text) {
  auto key = MinisignKey::Parse(text, "test");
  EXPECT_TRUE(key.ok()) << key.status();
  return *std::move(key);
}

absl::Status Verify(const std::string& bytes, const std::string& signature) {
  return VerifyMinisign({KeyOf(kOtherKey), KeyOf(kKey)}, bytes, signature)
      .status();
}

std::string With(std::string text, const std::string& what,
                 const std::string& instead) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, what.size(), instead);
}

TEST(MinisignTest, ReadsAPublicKey) {
  EXPECT_EQ(KeyOf(kKey).id(), "3904018696786AE8");
  EXPECT_EQ(KeyOf(kKey).key().size(), 32u);
  // As `minisign -P` takes it.
  EXPECT_EQ(KeyOf(kKey.substr(kKey.find("RWT"))).id(), "3904018696786AE8");
}

TEST(MinisignTest, RefusesWhatIsNoPublicKey) {
  for (const std::string& text :
       {std::string(), std::string("key"), kHashedSignature, kKey + kKey,
        With(kKey, "RWT", "RUT"), kKey.substr(0, kKey.size() - 4)}) {
    EXPECT_EQ(MinisignKey::Parse(text, "f").status().code(),
              StatusCode::kInvalidArgument)
        << text;
  }
  EXPECT_EQ(MinisignKey::LoadFile("/no/such").status().code(),
            StatusCode::kNotFound);
}

TEST(MinisignTest, AcceptsBothKindsOfSignatures) {
  for (const std::string& signature : {kHashedSignature, kPlainSignature}) {
    const auto signer =
        VerifyMinisign({KeyOf(kOtherKey), KeyOf(kKey)}, kBytes, signature);
    ASSERT_TRUE(signer.ok()) << signer.status();
    EXPECT_EQ(*signer, "3904018696786AE8");
  }
}

TEST(MinisignTest, RefusesOtherBytes) {
  for (const std::string& signature : {kHashedSignature, kPlainSignature}) {
    for (const char* bytes : {"", "the byte", "the bytes ", "The bytes"}) {
      const absl::Status status = Verify(bytes, signature);
      EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
      EXPECT_EQ(status.message(),
                "its signature by key 3904018696786AE8 is not of these bytes");
    }
  }
}

TEST(MinisignTest, RefusesAnotherKey) {
  const absl::Status status =
      VerifyMinisign({KeyOf(kOtherKey)}, kBytes, kHashedSignature).status();
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(status.message(),
            "it was signed by key 3904018696786AE8, and not by "
            "EBBB056A177913A1");
}

TEST(MinisignTest, RefusesAKeyThatOnlyHasTheNumber) {
  // The other's key under the first's number.
  const std::string forged =
      "RWToaniWhgEEO" + kOtherKey.substr(kOtherKey.find("RWS") + 13);
  EXPECT_FALSE(VerifyMinisign({KeyOf(forged)}, kBytes, kHashedSignature).ok());
}

TEST(MinisignTest, RefusesAChangedTrustedComment) {
  EXPECT_EQ(Verify(kBytes, With(kHashedSignature, "a comment", "b comment"))
                .message(),
            "its signature by key 3904018696786AE8 has another comment than "
            "was signed");
  EXPECT_TRUE(
      Verify(kBytes, With(kHashedSignature, "signature from", "by")).ok())
      << "the untrusted one is anybody's";
}

TEST(MinisignTest, AHashedSignatureIsNoPlainOne) {
  EXPECT_FALSE(Verify(kBytes, With(kHashedSignature, "RUT", "RWT")).ok());
  EXPECT_FALSE(Verify(kBytes, With(kPlainSignature, "RWT", "RUT")).ok());
}

TEST(MinisignTest, RefusesWhatIsNoSignature) {
  for (const std::string& text :
       {std::string(), kKey, kHashedSignature.substr(0, 100),
        kHashedSignature + "more\n", With(kHashedSignature, "RUT", "RXT"),
        With(kHashedSignature, "trusted comment: a", "comment: a")}) {
    const absl::Status status = Verify(kBytes, text);
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << text;
    EXPECT_EQ(status.message(), "its signature is none of minisign's");
  }
}

TEST(MinisignTest, EveryByteOfItCounts) {
  const size_t begin = kHashedSignature.find('\n') + 1;
  const size_t end = kHashedSignature.find('\n', begin);
  for (size_t i = begin; i < end - 1; ++i) {
    std::string changed = kHashedSignature;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Verify(kBytes, changed).ok()) << i;
  }
}

}  // namespace
}  // namespace ramet::server
