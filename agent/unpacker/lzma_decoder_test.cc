#include "agent/unpacker/lzma_decoder.h"

#include <gtest/gtest.h>
#include <stdint.h>

#include <random>
#include <string>
#include <vector>

#include "tools/pack/packer.h"

namespace ramet::unpacker {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes FromText(const std::string& text) {
  return Bytes(text.begin(), text.end());
}

// Into a buffer of exactly that size, whose neighbours a sanitizer watches.
bool Decode(LzmaParameters parameters, const Bytes& packed, Bytes* out) {
  // vector's data() may be more than size(): copies have no room to spare.
  const Bytes in(packed);
  return DecodeLzma(parameters, in.data(), in.size(), out->data(), out->size());
}

bool Decode(const Bytes& packed, Bytes* out) {
  return Decode(kX86Lzma, packed, out);
}

Bytes Pack(const Bytes& bytes) { return tools::PackLzma(kX86Lzma, bytes); }

void ExpectRoundTrip(const Bytes& bytes) {
  for (const LzmaParameters parameters :
       {kX86Lzma, kArm64Lzma, LzmaParameters{0, 3, 1},
        LzmaParameters{0, 0, 2}}) {
    const Bytes packed = tools::PackLzma(parameters, bytes);
    ASSERT_FALSE(packed.empty());
    Bytes out(bytes.size());
    EXPECT_TRUE(Decode(parameters, packed, &out)) << bytes.size() << " bytes";
    EXPECT_EQ(out, bytes);
  }
}

// Text, zeros and noise, near and far repeats: every kind of symbol.
Bytes Mixture(uint32_t seed, size_t size) {
  std::mt19937 random(seed);
  Bytes bytes;
  while (bytes.size() < size) {
    const size_t count = 1 + random() % 300;
    switch (random() % 4) {
      case 0:
        for (size_t i = 0; i < count; ++i) bytes.push_back(random() & 0xFF);
        break;
      case 1:
        bytes.insert(bytes.end(), count, random() & 0xFF);
        break;
      default: {
        if (bytes.empty()) break;
        const size_t from = random() % bytes.size();
        for (size_t i = 0; i < count; ++i) bytes.push_back(bytes[from + i]);
      }
    }
  }
  return bytes;
}

TEST(LzmaDecoderTest, UnpacksAPinnedStream) {
  const Bytes packed = {0x00, 0x39, 0x19, 0x0D, 0x51, 0xE2, 0xB1,
                        0xBD, 0xFE, 0x38, 0x29, 0xCF, 0x00, 0x00};
  Bytes out(18);
  EXPECT_TRUE(Decode(packed, &out));
  EXPECT_EQ(out, FromText("ramet ramet ramet\n"));
}

TEST(LzmaDecoderTest, UnpacksWhatIsPacked) {
  ExpectRoundTrip(FromText("r"));
  ExpectRoundTrip(FromText("ramet ramet ramet\n"));
  ExpectRoundTrip(Bytes(1, 0));
  ExpectRoundTrip(Bytes(100'000, 0));
  Bytes all;
  for (int i = 0; i < 5000; ++i) all.push_back(i & 0xFF);
  ExpectRoundTrip(all);
  for (uint32_t seed = 0; seed < 8; ++seed) {
    ExpectRoundTrip(Mixture(seed, size_t{1} << (seed + 6)));
  }
}

TEST(LzmaDecoderTest, UnpacksDistancesOfAMegabyte) {
  Bytes bytes = Mixture(1, 5000);
  bytes.resize(1'500'000);
  const Bytes begin(bytes.begin(), bytes.begin() + 5000);
  bytes.insert(bytes.end(), begin.begin(), begin.end());
  Bytes out(bytes.size());
  ASSERT_TRUE(Decode(Pack(bytes), &out));
  EXPECT_EQ(out, bytes);
}

TEST(LzmaDecoderTest, AStreamThatIsCutOffIsDamaged) {
  const Bytes bytes = Mixture(3, 3000);
  const Bytes packed = Pack(bytes);
  Bytes out(bytes.size());
  size_t passed = 0;
  for (size_t size = 0; size < packed.size(); ++size) {
    const Bytes cut(packed.begin(), packed.begin() + size);
    // Of the last bytes, some say nothing.
    if (Decode(cut, &out) && out == bytes) ++passed;
  }
  EXPECT_LE(passed, 5u);
}

TEST(LzmaDecoderTest, ANotEndedStreamIsDamaged) {
  const Bytes bytes = Mixture(3, 3000);
  const Bytes packed = Pack(bytes);
  for (const size_t size : {1, 10, 2000, 2999}) {
    Bytes out(size);
    EXPECT_FALSE(Decode(packed, &out)) << size;
  }
}

TEST(LzmaDecoderTest, DamageStaysWithinTheBuffers) {
  const Bytes bytes = Mixture(5, 4000);
  const Bytes packed = Pack(bytes);
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    Bytes damaged = packed;
    for (int i = 1 + round % 3; i > 0; --i) {
      damaged[random() % damaged.size()] = random() & 0xFF;
    }
    Bytes out(bytes.size());
    // A sanitizer watches.
    Decode(damaged, &out);
    Decode(kArm64Lzma, damaged, &out);
  }
}

TEST(LzmaDecoderTest, NoiseStaysWithinTheBuffers) {
  std::mt19937 random(9);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    Bytes noise(random() % 200);
    for (uint8_t& byte : noise) byte = random() & 0xFF;
    Bytes out(1000);
    if (!Decode(noise, &out)) ++refused;
  }
  // Few end by chance where a stream may end.
  EXPECT_GT(refused, 900);
}

TEST(LzmaDecoderTest, ARepeatOfNothingIsDamaged) {
  // All ones: the first symbol is a match, of which there is nothing yet.
  const Bytes packed = {0, 0xFF, 0xFF, 0xFF, 0xFE, 0, 0};
  Bytes out(100);
  EXPECT_FALSE(Decode(packed, &out));
}

}  // namespace
}  // namespace ramet::unpacker
