#include "importer/deflate_decoder.h"

#include <gtest/gtest.h>
#include <string.h>
#include <zlib.h>

#include <random>
#include <string>

namespace ramet::importer {
namespace {

std::string Deflate(const std::string& bytes, int level, int strategy) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, -15, 9, strategy), Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = bytes.size();
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = out.size();
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Whether zlib finds exactly `size` bytes in it.
bool ZlibInflates(const std::string& deflated, std::string* out) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -15), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(deflated.data()));
  stream.avail_in = deflated.size();
  stream.next_out = reinterpret_cast<Bytef*>(out->data());
  stream.avail_out = out->size();
  const bool ended = inflate(&stream, Z_FINISH) == Z_STREAM_END;
  const bool whole = ended && stream.total_out == out->size();
  inflateEnd(&stream);
  return whole;
}

bool Decode(const std::string& deflated, std::string* out) {
  return DecodeDeflate(deflated, out->data(), out->size());
}

// Text with matches near and far, then noise.
std::string Sample(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes;
  while (bytes.size() < size) {
    const size_t kind = random() % 4;
    if (kind == 0) {
      for (int i = 0; i < 50; ++i) bytes += static_cast<char>(random());
    } else if (kind == 1 && !bytes.empty()) {
      const size_t back = 1 + random() % std::min<size_t>(bytes.size(), 32768);
      for (size_t i = random() % 400; i > 0; --i) {
        bytes += bytes[bytes.size() - back];
      }
    } else {
      bytes += "word " + std::to_string(random() % 100) + " and ";
    }
  }
  bytes.resize(size);
  return bytes;
}

TEST(DeflateDecoderTest, GivesWhatZlibTookInEveryWay) {
  for (const size_t size : {0, 1, 2, 300, 70'000, 1'000'000}) {
    const std::string bytes = Sample(size, static_cast<uint32_t>(size));
    for (const int level : {0, 1, 6, 9}) {
      for (const int strategy :
           {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED}) {
        const std::string deflated = Deflate(bytes, level, strategy);
        std::string out(size, '?');
        ASSERT_TRUE(Decode(deflated, &out)) << size << " " << level;
        ASSERT_TRUE(out == bytes) << size << " " << level << " " << strategy;
      }
    }
  }
}

TEST(DeflateDecoderTest, RefusesEveryOtherSize) {
  const std::string bytes = Sample(5000, 1);
  const std::string deflated = Deflate(bytes, 9, Z_DEFAULT_STRATEGY);
  for (const size_t size : {0, 1, 4999, 5001, 10'000}) {
    std::string out(size, '?');
    EXPECT_FALSE(Decode(deflated, &out)) << size;
  }
}

TEST(DeflateDecoderTest, RefusesWhatIsCutOffAnywhere) {
  for (const int level : {0, 1, 9}) {
    const std::string bytes = Sample(3000, 2);
    const std::string deflated = Deflate(bytes, level, Z_DEFAULT_STRATEGY);
    for (size_t size = 0; size < deflated.size(); ++size) {
      std::string out(bytes.size(), '?');
      EXPECT_FALSE(Decode(deflated.substr(0, size), &out)) << size;
    }
  }
}

// zlib refuses incomplete codes, this one the use of what they lack: it takes
// all that zlib takes, with the same bytes.
TEST(DeflateDecoderTest, TakesOfChangedBytesWhatZlibTakes) {
  std::mt19937 random(3);
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string bytes = Sample(200, round % 10);
    std::string changed =
        Deflate(bytes, 1 + round % 9, round % 2 ? Z_FIXED : Z_DEFAULT_STRATEGY);
    changed[random() % changed.size()] ^= 1 << random() % 8;
    std::string expected(bytes.size(), '?');
    std::string out(bytes.size(), '?');
    const bool good = ZlibInflates(changed, &expected);
    const bool ours = Decode(changed, &out);
    if (good) {
      ++taken;
      ASSERT_TRUE(ours) << round;
      ASSERT_TRUE(out == expected) << round;
    }
  }
  EXPECT_GT(taken, 500);
}

// A length of 258 at distance 1, as long as it fits: 1,032 bytes a byte.
TEST(DeflateDecoderTest, ABombEndsAtItsAnnouncedSize) {
  const std::string bomb =
      Deflate(std::string(10 << 20, '\0'), 9, Z_DEFAULT_STRATEGY);
  std::string out(1000, '?');
  EXPECT_FALSE(Decode(bomb, &out));
}

}  // namespace
}  // namespace ramet::importer
