#include "importer/inflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

#include "core/base/unique_fd.h"
#include "parent/agent_image.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::Status;

std::string Deflate(const std::string& bytes, int level = 9) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  EXPECT_EQ(compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                      reinterpret_cast<const Bytef*>(bytes.data()),
                      bytes.size(), level),
            Z_OK);
  out.resize(size);
  return out;
}

class InflateTest : public testing::Test {
 protected:
  Status Inflate(const std::string& deflated, uint32_t image_bytes) {
    int fd = -1;
    EXPECT_TRUE(parent::MakeMemoryFile("inflated", {}, &fd).ok());
    const core::UniqueFd file(fd);
    const Status status = InflateTo(deflated, image_bytes, fd);
    EXPECT_TRUE(parent::ReadImage(fd, &contents_).ok());
    return status;
  }

  std::string contents_;
};

TEST_F(InflateTest, GivesWhatWasDeflated) {
  std::mt19937 random(6);
  for (size_t size :
       {size_t{1}, size_t{2}, size_t{4096}, size_t{65536}, size_t{3'000'000}}) {
    std::string image(size, '\0');
    for (char& byte : image) {
      byte = static_cast<char>(random() % (size % 2 ? 4 : 256));
    }
    for (int level : {0, 1, 9}) {
      ASSERT_TRUE(Inflate(Deflate(image, level), size).ok()) << size;
      EXPECT_TRUE(contents_ == image) << size;
    }
  }
}

TEST_F(InflateTest, RefusesWhatIsCutOffAnywhere) {
  std::string image;
  for (int i = 0; i < 200; ++i) image += std::to_string(i);
  const std::string deflated = Deflate(image);
  for (size_t size = 0; size + 4 < deflated.size(); ++size) {
    EXPECT_EQ(Inflate(deflated.substr(0, size), image.size()).code(),
              Code::kDataLoss)
        << size;
  }
}

TEST_F(InflateTest, RefusesWhatIsNoZlibData) {
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(100, '\0'),
        std::string(100, '\xff'), std::string("\x1f\x8b\x08") + "gzip's format",
        std::string("\x78\x9c") + std::string(100, '\xff')}) {
    EXPECT_EQ(Inflate(bytes, 100).code(), Code::kDataLoss)
        << testing::PrintToString(bytes);
  }
}

TEST_F(InflateTest, RefusesAnotherSize) {
  const std::string deflated = Deflate(std::string(1000, 'x'));
  for (uint32_t size : {0u, 1u, 999u, 1001u, 100000u}) {
    const Status status = Inflate(deflated, size);
    EXPECT_EQ(status.code(), Code::kDataLoss) << size;
  }
}

TEST_F(InflateTest, ABombStaysWithinWhatWasAnnounced) {
  // 64 MiB of zeros in 64 KiB, announced as 1000 bytes.
  const std::string bomb = Deflate(std::string(64 << 20, '\0'));
  ASSERT_LT(bomb.size(), 100'000u);
  EXPECT_EQ(Inflate(bomb, 1000).code(), Code::kDataLoss);
  EXPECT_LE(contents_.size(), 1000u);
}

TEST_F(InflateTest, SurvivesChangedBytes) {
  std::string image;
  for (int i = 0; i < 500; ++i) image += std::to_string(i * 7);
  const std::string deflated = Deflate(image);
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string changed = deflated;
    changed[random() % changed.size()] ^= 1 << random() % 8;
    const Status status = Inflate(changed, image.size());
    EXPECT_LE(contents_.size(), image.size());
    if (!status.ok()) {
      EXPECT_EQ(status.code(), Code::kDataLoss);
    }
  }
}

TEST_F(InflateTest, AFileThatCannotGrowIsAnError) {
  const std::string deflated = Deflate(std::string(1000, 'x'));
  const Status status = InflateTo(deflated, 1000, -1);
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace ramet::importer
