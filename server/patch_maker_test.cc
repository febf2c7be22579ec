#include "server/patch_maker.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "importer/image_patch.h"

namespace ramet::server {
namespace {

std::string RandomBytes(size_t size, int values, uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() % values);
  return bytes;
}

// Like a program: calls and addresses among other bytes. Each four bytes behind
// a byte 0xE8 are the distance to somewhere, `moved` more than it was.
std::string Code(size_t size, int32_t moved) {
  std::string bytes = RandomBytes(size, 200, 7);
  for (size_t i = 0; i + 5 < size; i += 37) {
    const int32_t distance = static_cast<int32_t>(i * 31 % 100'000) + moved;
    bytes[i] = static_cast<char>(0xE8);
    for (int k = 0; k < 4; ++k) {
      bytes[i + 1 + k] = static_cast<char>(distance >> (8 * k));
    }
  }
  return bytes;
}

std::string RoundTrip(const std::string& base, const std::string& image) {
  const std::string patch = MakeImagePatch(base, image);
  std::string out(image.size(), '?');
  EXPECT_TRUE(importer::ApplyImagePatch(patch, base, out.data(), out.size()));
  return out;
}

size_t NonZero(const std::string& bytes) {
  size_t count = 0;
  for (const char byte : bytes) count += byte != 0;
  return count;
}

TEST(PatchMakerTest, GivesTheImageBack) {
  const std::string base = RandomBytes(100'000, 256, 1);
  for (const std::string& image :
       {base, base.substr(5), base.substr(0, 70'000), "more" + base,
        base + "more", base.substr(50'000) + base.substr(0, 50'000),
        base.substr(0, 30'000) + "in between" + base.substr(30'000),
        base.substr(0, 30'000) + base.substr(30'100), base + base,
        RandomBytes(80'000, 256, 2), std::string(200'000, 'z'),
        std::string("x"), std::string("1234567"), std::string("12345678")}) {
    EXPECT_EQ(RoundTrip(base, image), image);
    EXPECT_EQ(RoundTrip(image, base), base);
  }
  EXPECT_EQ(RoundTrip("", "image of nothing"), "image of nothing");
  EXPECT_EQ(MakeImagePatch(base, ""), "");
}

// Whatever is alike, and whatever is not.
TEST(PatchMakerTest, GivesEveryMixtureBack) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    const std::string base =
        RandomBytes(random() % 3000, round % 2 ? 3 : 256, round);
    std::string image;
    while (image.size() < 3000 && random() % 8 != 0) {
      const size_t at = base.empty() ? 0 : random() % base.size();
      std::string piece = random() % 3 == 0
                              ? RandomBytes(random() % 50, 256, random())
                              : base.substr(at, random() % 500);
      for (size_t i = 0; i < piece.size(); i += 1 + random() % 40) {
        if (round % 3 == 0) ++piece[i];
      }
      image += piece;
    }
    ASSERT_EQ(RoundTrip(base, image), image) << round;
  }
}

// What bsdiff is for: the same code somewhere else, with other distances.
TEST(PatchMakerTest, CodeThatHasMovedDiffersInItsAddressesOnly) {
  const std::string base = Code(200'000, 0);
  const std::string image =
      base.substr(0, 1000) + "something new" + Code(200'000, 13).substr(1000);
  const std::string patch = MakeImagePatch(base, image);
  EXPECT_LT(patch.size(), image.size() + 100);
  // A byte or two of each address: deflate does the rest.
  EXPECT_LT(NonZero(patch), 200'000 / 37 * 2);
  EXPECT_EQ(RoundTrip(base, image), image);
}

// A base that begins with nearly the image, and has it many times behind: that
// is never bad enough for a new entry, and looked for everywhere at each byte.
TEST(PatchMakerTest, GivesUpWhereItWouldTakeTooLong) {
  const std::string image = RandomBytes(100'000, 256, 4);
  std::string base = image;
  for (size_t i = 500; i < base.size(); i += 520) ++base[i];
  for (int i = 0; i < 24; ++i) base += image;
  EXPECT_EQ(MakeImagePatch(base, image), "");
}

}  // namespace
}  // namespace ramet::server
