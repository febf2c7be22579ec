#include "server/first_flight.h"

#include <gtest/gtest.h>

#include <string>

#include "core/wire/frame_header.h"

namespace ramet::server {
namespace {

std::string Frame(core::HandleId handle, const std::string& payload) {
  core::FrameHeader header;
  header.dst_id = 7;
  header.handle = handle;
  header.length = payload.size();
  std::string frame(core::kFrameHeaderBytes, '\0');
  header.Serialize(frame.data());
  return frame + payload;
}

std::string WithoutImages(std::string frames) {
  TakeImagesOut(&frames);
  return frames;
}

TEST(FirstFlightTest, OnlyImagesAreTakenOut) {
  const std::string hello = Frame(core::kHello, "hello");
  const std::string announcement = Frame(core::kForwardModule, "a module");
  const std::string call = Frame(core::kCallFunction, std::string(60'000, 'c'));
  const std::string image = Frame(core::kLoadModule, std::string(60'000, 'i'));
  EXPECT_EQ(WithoutImages(hello + image + announcement + image + image + call),
            hello + announcement + call);
  EXPECT_EQ(WithoutImages(hello + call), hello + call);
  EXPECT_EQ(WithoutImages(image), "");
  EXPECT_EQ(WithoutImages(""), "");
}

TEST(FirstFlightTest, WhatIsNoWholeFrameStays) {
  const std::string hello = Frame(core::kHello, "hello");
  const std::string image = Frame(core::kLoadModule, "image");
  for (size_t size = 0; size < image.size(); ++size) {
    const std::string begin = image.substr(0, size);
    EXPECT_EQ(WithoutImages(image + hello + begin), hello + begin) << size;
  }
  EXPECT_EQ(WithoutImages(image + "what is this, that is longer than a header"),
            "what is this, that is longer than a header");
}

}  // namespace
}  // namespace ramet::server
