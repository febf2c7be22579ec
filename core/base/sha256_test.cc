#include "core/base/sha256.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <random>
#include <string>

namespace ramet::core {
namespace {

std::string Hex(const std::string& bytes) {
  std::string text;
  for (unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// The examples of FIPS 180-4.
TEST(Sha256Test, GivesThePinnedDigests) {
  EXPECT_EQ(Hex(Sha256Digest("")),
            "e3b0c44298fc1c149afbf4c8996fb924"
            "27ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256Digest("abc")),
            "ba7816bf8f01cfea414140de5dae2223"
            "b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256Digest(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67"
            "f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, GivesOpenSslsDigestOfEveryLength) {
  std::mt19937 random(1);
  std::string bytes;
  for (size_t length = 0; length < 600; ++length) {
    std::string expected(kSha256Bytes, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
           reinterpret_cast<unsigned char*>(expected.data()));
    // In two pieces.
    const size_t cut = random() % (length + 1);
    Sha256 hash;
    hash.Update(std::string_view(bytes).substr(0, cut));
    hash.Update(std::string_view(bytes).substr(cut));
    ASSERT_EQ(Hex(hash.Digest()), Hex(expected)) << length;
    bytes += static_cast<char>(random() & 0xFF);
  }
}

TEST(Sha256Test, PiecesGiveTheDigestOfTheWhole) {
  Sha256 hash;
  for (char c : std::string("abc")) hash.Update(std::string(1, c));
  EXPECT_EQ(hash.Digest(), Sha256Digest("abc"));
  hash.Update("d");
  EXPECT_EQ(hash.Digest(), Sha256Digest("abcd")) << "goes on after a digest";
}

}  // namespace
}  // namespace ramet::core
