#include "core/base/ed25519.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "core/testing/ed25519_signer.h"

namespace ramet::core {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(
        std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string RandomBytes(size_t size, std::mt19937* random) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((*random)());
  return bytes;
}

// RFC 8032, 7.1, tests 1 to 3.
TEST(Ed25519Test, TakesThePublishedSignatures) {
  struct {
    const char* key;
    const char* message;
    const char* signature;
  } const cases[] = {
      {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
       "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
      {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
       "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
       "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"}};
  for (const auto& each : cases) {
    EXPECT_TRUE(VerifyEd25519(FromHex(each.key), FromHex(each.message),
                              FromHex(each.signature)))
        << each.message;
  }
}

TEST(Ed25519Test, TakesWhatOpenSslSignsAndNothingThatWasChanged) {
  std::mt19937 random(1);
  for (int i = 0; i < 150; ++i) {
    const Ed25519Signer signer(RandomBytes(32, &random));
    const std::string message = RandomBytes(i * 3, &random);
    const std::string signature = signer.Sign(message);
    ASSERT_TRUE(VerifyEd25519(signer.public_key(), message, signature)) << i;

    std::string changed = signature;
    changed[i % 64] ^= 1 << i % 8;
    EXPECT_FALSE(VerifyEd25519(signer.public_key(), message, changed)) << i;
    std::string key = signer.public_key();
    key[i % 32] ^= 1 << i % 8;
    EXPECT_FALSE(VerifyEd25519(key, message, signature)) << i;
    EXPECT_FALSE(VerifyEd25519(signer.public_key(), message + "x", signature));
  }
}

// S + L signs the same, and is not taken: RFC 8032, 5.1.7.
TEST(Ed25519Test, ThereIsOneSignatureOfAMessage) {
  const std::string order = FromHex(
      "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  std::mt19937 random(2);
  for (int i = 0; i < 20; ++i) {
    const Ed25519Signer signer(RandomBytes(32, &random));
    std::string signature = signer.Sign("message");
    int carry = 0;
    for (int k = 0; k < 32; ++k) {
      carry += static_cast<uint8_t>(signature[32 + k]) +
               static_cast<uint8_t>(order[k]);
      signature[32 + k] = static_cast<char>(carry);
      carry >>= 8;
    }
    ASSERT_EQ(carry, 0);
    EXPECT_FALSE(VerifyEd25519(signer.public_key(), "message", signature));
  }
}

TEST(Ed25519Test, RefusesWhatIsMalformed) {
  const Ed25519Signer signer(std::string(32, 's'));
  const std::string signature = signer.Sign("message");
  const std::string& key = signer.public_key();
  EXPECT_FALSE(VerifyEd25519("", "message", signature));
  EXPECT_FALSE(VerifyEd25519(key.substr(1), "message", signature));
  EXPECT_FALSE(VerifyEd25519(key + "x", "message", signature));
  EXPECT_FALSE(VerifyEd25519(key, "message", signature.substr(1)));
  EXPECT_FALSE(VerifyEd25519(key, "message", signature + "x"));
  EXPECT_FALSE(VerifyEd25519(key, "message", ""));
  // y = p + 3 is 3, of a point or not, and has one form only.
  for (int more = 0; more < 19; ++more) {
    std::string again(32, '\xff');
    again[0] = static_cast<char>(0xed + more);
    again[31] = 0x7f;
    EXPECT_FALSE(VerifyEd25519(again, "message", signature)) << more;
  }
  // 2 is no y of a point. The x of y = 1 is 0, which has no other sign.
  for (const char first : {2, 1}) {
    std::string none(32, '\0');
    none[0] = first;
    none[31] = first == 1 ? static_cast<char>(0x80) : 0;
    EXPECT_FALSE(VerifyEd25519(none, "message", signature));
    EXPECT_FALSE(VerifyEd25519(key, "message", none + signature.substr(32)));
  }
}

}  // namespace
}  // namespace ramet::core
