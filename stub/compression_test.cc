#include "stub/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

namespace ramet::stub {
namespace {

constexpr size_t kLimit = 4 * 1024 * 1024;

std::string RandomBytes(size_t size) {
  std::mt19937 random(1);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

// As zlib, which everybody else has, makes it.
std::string ZlibCompress(Compression compression, const std::string& message) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED,
                         compression == Compression::kGzip ? 31 : 15, 8,
                         Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string out(deflateBound(&stream, message.size()), '\0');
  stream.next_in =
      reinterpret_cast<unsigned char*>(const_cast<char*>(message.data()));
  stream.avail_in = message.size();
  stream.next_out = reinterpret_cast<unsigned char*>(&out[0]);
  stream.avail_out = out.size();
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class CompressionTest : public ::testing::TestWithParam<Compression> {};

TEST_P(CompressionTest, RoundTripsWhatGetsSmaller) {
  for (const size_t size : {100u, 1000u, 271828u, 4194304u}) {
    const std::string message(size, 'm');
    std::string compressed;
    ASSERT_TRUE(Compress(GetParam(), message, &compressed)) << size;
    EXPECT_LT(compressed.size(), message.size());
    std::string back;
    ASSERT_TRUE(Decompress(GetParam(), compressed, kLimit, &back).ok());
    EXPECT_TRUE(back == message);
  }
}

TEST_P(CompressionTest, LeavesAloneWhatDoesNotGetSmaller) {
  std::string out;
  for (const size_t size : {0u, 1u, 10u, 100'000u}) {
    EXPECT_FALSE(Compress(GetParam(), RandomBytes(size), &out)) << size;
  }
}

TEST_P(CompressionTest, ReadsWhatZlibMakes) {
  for (const std::string& message :
       {std::string(), std::string("short"), std::string(3'000'000, 'z'),
        RandomBytes(100'000)}) {
    std::string back;
    ASSERT_TRUE(
        Decompress(GetParam(), ZlibCompress(GetParam(), message), kLimit, &back)
            .ok());
    EXPECT_TRUE(back == message);
  }
}

TEST_P(CompressionTest, StopsAtTheLimit) {
  const std::string bomb =
      ZlibCompress(GetParam(), std::string(64 * 1024 * 1024, '\0'));
  std::string out;
  EXPECT_EQ(Decompress(GetParam(), bomb, kLimit, &out).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_LE(out.capacity(), kLimit + 64);
  // The limit itself is allowed.
  const std::string most = ZlibCompress(GetParam(), std::string(kLimit, '\0'));
  EXPECT_TRUE(Decompress(GetParam(), most, kLimit, &out).ok());
  EXPECT_EQ(out.size(), kLimit);
  EXPECT_EQ(Decompress(GetParam(), most, kLimit - 1, &out).code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_P(CompressionTest, RefusesWhatIsNoSuchData) {
  const std::string good = ZlibCompress(GetParam(), std::string(10'000, 'g'));
  std::string out;
  for (const std::string& bad :
       {std::string(), std::string("no"), std::string(1000, 'x'),
        good.substr(0, good.size() / 2), good.substr(0, good.size() - 1),
        good + "x", good + good}) {
    EXPECT_EQ(Decompress(GetParam(), bad, kLimit, &out).code(),
              absl::StatusCode::kInternal)
        << bad.size();
  }
  std::string flipped = good;
  flipped[good.size() / 2] ^= 0x55;
  EXPECT_FALSE(Decompress(GetParam(), flipped, kLimit, &out).ok());
}

INSTANTIATE_TEST_SUITE_P(Both, CompressionTest,
                         ::testing::Values(Compression::kDeflate,
                                           Compression::kGzip));

TEST(CompressionTest, NoneIsNoCompression) {
  std::string out;
  EXPECT_FALSE(Compress(Compression::kNone, std::string(1000, 'n'), &out));
  EXPECT_EQ(Decompress(Compression::kNone, "x", kLimit, &out).code(),
            absl::StatusCode::kInternal);
  EXPECT_TRUE(IsKnownCompression(2));
  EXPECT_FALSE(IsKnownCompression(3));
}

}  // namespace
}  // namespace ramet::stub
