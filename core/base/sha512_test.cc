#include "core/base/sha512.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <string.h>

#include <string>

namespace ramet::core {
namespace {

std::string Digest(std::initializer_list<std::string_view> parts) {
  uint8_t digest[kSha512Bytes];
  Sha512Digest(parts, digest);
  return std::string(reinterpret_cast<char*>(digest), sizeof digest);
}

std::string OpenSslDigest(const std::string& bytes) {
  uint8_t digest[kSha512Bytes];
  SHA512(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), digest);
  return std::string(reinterpret_cast<char*>(digest), sizeof digest);
}

// Of FIPS 180's example.
TEST(Sha512Test, GivesThePublishedDigest) {
  const std::string digest = Digest({"abc"});
  EXPECT_EQ(memcmp(digest.data(), "\xdd\xaf\x35\xa1\x93\x61\x7a\xba", 8), 0);
  EXPECT_EQ(memcmp(digest.data() + 56, "\x2a\x9a\xc9\x4f\xa5\x4c\xa4\x9f", 8),
            0);
}

// Through all places where the padding may begin.
TEST(Sha512Test, GivesWhatOpenSslGivesForEveryLength) {
  std::string bytes;
  for (int i = 0; i < 600; ++i) {
    ASSERT_EQ(Digest({bytes}), OpenSslDigest(bytes)) << i;
    bytes.push_back(static_cast<char>(i * 37));
  }
}

TEST(Sha512Test, PartsAreOneMessage) {
  EXPECT_EQ(Digest({"a", "", "bc"}), Digest({"abc"}));
  EXPECT_EQ(Digest({}), Digest({""}));
}

}  // namespace
}  // namespace ramet::core
