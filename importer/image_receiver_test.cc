#include "importer/image_receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <string>
#include <utility>

#include "core/base/sha256.h"
#include "parent/agent_image.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::Status;
using core::UniqueFd;

std::string Deflate(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  EXPECT_EQ(
      compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), 9),
      Z_OK);
  out.resize(size);
  return out;
}

std::string Image() {
  std::string image;
  for (int i = 0; i < 20000; ++i) image += std::to_string(i * i);
  return image;
}

core::LoadModule Announce(const std::string& deflated, size_t image_bytes) {
  core::LoadModule load;
  load.name = "greeter";
  load.digest = core::Sha256Digest(deflated);
  load.deflated_bytes = static_cast<uint32_t>(deflated.size());
  load.image_bytes = static_cast<uint32_t>(image_bytes);
  return load;
}

std::string Contents(int fd) {
  std::string bytes;
  EXPECT_TRUE(parent::ReadImage(fd, &bytes).ok());
  return bytes;
}

TEST(ImageReceiverTest, ReceivesAnImageInPieces) {
  const std::string image = Image();
  const std::string deflated = Deflate(image);
  for (size_t piece_bytes : {size_t{1000}, size_t{65531}, deflated.size()}) {
    ImageReceiver receiver(Announce(deflated, image.size()));
    for (size_t at = 0; at < deflated.size(); at += piece_bytes) {
      EXPECT_FALSE(receiver.complete());
      ASSERT_TRUE(receiver.Add(deflated.substr(at, piece_bytes)).ok());
    }
    EXPECT_TRUE(receiver.complete());
    const UniqueFd file = receiver.TakeImage();
    ASSERT_TRUE(file.valid());
    EXPECT_TRUE(Contents(file.get()) == image);
  }
}

TEST(ImageReceiverTest, SealsTheImage) {
  const std::string deflated = Deflate("#!/bin/sh\n");
  ImageReceiver receiver(Announce(deflated, 10));
  ASSERT_TRUE(receiver.Add(deflated).ok());
  const UniqueFd file = receiver.TakeImage();
  EXPECT_EQ(pwrite(file.get(), "x", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(ftruncate(file.get(), 0), -1);
  EXPECT_EQ(fcntl(file.get(), F_GETFD), FD_CLOEXEC);
  struct stat info;
  ASSERT_EQ(fstat(file.get(), &info), 0);
  EXPECT_TRUE(info.st_mode & S_IXUSR);
}

TEST(ImageReceiverTest, RefusesAnotherDigestAtEveryByte) {
  const std::string image = "a short program";
  const std::string deflated = Deflate(image);
  for (size_t at = 0; at < deflated.size(); ++at) {
    std::string changed = deflated;
    changed[at] ^= 1;
    ImageReceiver receiver(Announce(deflated, image.size()));
    const Status status = receiver.Add(changed);
    EXPECT_EQ(status.code(), Code::kDataLoss) << at;
    EXPECT_EQ(status.message(), "module greeter: wrong digest") << at;
    EXPECT_FALSE(receiver.TakeImage().valid());
  }
}

TEST(ImageReceiverTest, RefusesMoreThanWasAnnounced) {
  const std::string deflated = Deflate("image");
  ImageReceiver receiver(Announce(deflated, 5));
  const Status status = receiver.Add(deflated + "x");
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_EQ(status.message(), "module greeter: more bytes than announced");
  EXPECT_TRUE(receiver.complete());
}

TEST(ImageReceiverTest, AnErrorIsFinal) {
  const std::string deflated = Deflate("image");
  core::LoadModule load = Announce(deflated, 5);
  load.deflated_bytes += 10;
  load.digest = "another";
  ImageReceiver receiver(load);
  EXPECT_TRUE(receiver.Add(deflated).ok());
  EXPECT_FALSE(receiver.complete());
  EXPECT_EQ(receiver.Add("0123456789").code(), Code::kDataLoss);
  EXPECT_EQ(receiver.Add("more").code(), Code::kDataLoss);
  EXPECT_EQ(receiver.Add("").code(), Code::kDataLoss);
}

TEST(ImageReceiverTest, RefusesAnotherSizeThanAnnounced) {
  const std::string image = Image();
  const std::string deflated = Deflate(image);
  for (size_t size : {size_t{0}, size_t{1}, image.size() - 1, image.size() + 1,
                      2 * image.size()}) {
    ImageReceiver receiver(Announce(deflated, size));
    EXPECT_EQ(receiver.Add(deflated).code(), Code::kDataLoss) << size;
  }
}

TEST(ImageReceiverTest, RefusesSizesThatNoModuleHas) {
  for (const auto& [deflated, inflated] : {std::pair<uint32_t, uint32_t>{0, 5},
                                           {kMaxImageBytes + 1, 5},
                                           {5, kMaxImageBytes + 1},
                                           {0xFFFFFFFF, 0xFFFFFFFF}}) {
    core::LoadModule load = Announce("12345", 5);
    load.deflated_bytes = deflated;
    load.image_bytes = inflated;
    ImageReceiver receiver(load);
    EXPECT_EQ(receiver.Add("1").code(), Code::kInvalidArgument)
        << deflated << " " << inflated;
  }
}

}  // namespace
}  // namespace ramet::importer
