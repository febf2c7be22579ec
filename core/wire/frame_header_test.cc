#include "core/wire/frame_header.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace ramet::core {
namespace {

using Result = FrameHeader::ParseResult;

// The example of docs/wire_format.md.
constexpr char kPinned[] =
    "\x52\x4d\x01\x01"   // magic, version, flags
    "\x00\x00\x00\x03"   // dst_id
    "\x00\x00\x00\x07"   // src_id
    "\x00\x00\x00\x00"   // auth_id
    "\x00\x00\x00\x05"   // handle
    "\x00\x00\x03\xe9"   // reply_to
    "\x00\x01\x00\x00";  // length
static_assert(sizeof kPinned - 1 == kFrameHeaderBytes);

FrameHeader PinnedHeader() {
  FrameHeader header;
  header.flags = kFlagPriority;
  header.dst_id = 3;
  header.src_id = 7;
  header.auth_id = 0;
  header.handle = kCallFunction;
  header.reply_to = 1001;
  header.length = kMaxPayloadBytes;
  return header;
}

std::string Pinned() { return std::string(kPinned, kFrameHeaderBytes); }

std::string SetByte(std::string bytes, size_t at, int value) {
  bytes[at] = static_cast<char>(value);
  return bytes;
}

Result Parse(const std::string& bytes) {
  FrameHeader header;
  return FrameHeader::Parse(bytes.data(), &header);
}

TEST(FrameHeaderTest, SerializesThePinnedBytes) {
  std::string bytes(kFrameHeaderBytes, '\xaa');
  PinnedHeader().Serialize(bytes.data());
  EXPECT_EQ(bytes, Pinned());
}

TEST(FrameHeaderTest, ParsesThePinnedBytes) {
  FrameHeader header;
  ASSERT_EQ(FrameHeader::Parse(kPinned, &header), Result::kOk);
  EXPECT_EQ(header, PinnedHeader());
}

TEST(FrameHeaderTest, WritesNothingBehindTheHeader) {
  std::string bytes(kFrameHeaderBytes + 8, '\xaa');
  PinnedHeader().Serialize(bytes.data());
  EXPECT_EQ(bytes.substr(kFrameHeaderBytes), std::string(8, '\xaa'));
}

TEST(FrameHeaderTest, RoundTripsEveryField) {
  std::mt19937 random(1);
  for (int i = 0; i < 10000; ++i) {
    FrameHeader header;
    header.flags = static_cast<uint8_t>(random() & kKnownFlags);
    header.dst_id = random();
    header.src_id = random();
    header.auth_id = random();
    header.handle = random();
    header.reply_to = random();
    header.length = random() % (kMaxPayloadBytes + 1);
    char bytes[kFrameHeaderBytes];
    header.Serialize(bytes);
    FrameHeader parsed;
    ASSERT_EQ(FrameHeader::Parse(bytes, &parsed), Result::kOk);
    ASSERT_EQ(parsed, header) << header.ToString();
  }
}

TEST(FrameHeaderTest, RefusesEveryOtherMagic) {
  for (size_t at = 0; at < 2; ++at) {
    for (int value = 0; value < 256; ++value) {
      const std::string bytes = SetByte(Pinned(), at, value);
      EXPECT_EQ(Parse(bytes),
                bytes == Pinned() ? Result::kOk : Result::kBadMagic);
    }
  }
}

TEST(FrameHeaderTest, RefusesEveryOtherVersion) {
  for (int value = 0; value < 256; ++value) {
    EXPECT_EQ(Parse(SetByte(Pinned(), 2, value)),
              value == kProtocolVersion ? Result::kOk : Result::kBadVersion);
  }
}

TEST(FrameHeaderTest, RefusesEveryUnknownFlag) {
  for (int value = 0; value < 256; ++value) {
    EXPECT_EQ(Parse(SetByte(Pinned(), 3, value)),
              (value & ~kKnownFlags) == 0 ? Result::kOk : Result::kBadFlags);
  }
}

TEST(FrameHeaderTest, RefusesLengthsAboveTheLimit) {
  EXPECT_EQ(Parse(SetByte(Pinned(), 27, 1)), Result::kTooLong);
  EXPECT_EQ(Parse(SetByte(Pinned(), 24, 1)), Result::kTooLong);
  EXPECT_EQ(Parse(SetByte(Pinned(), 24, 0xff)), Result::kTooLong);
  EXPECT_EQ(Parse(SetByte(Pinned(), 25, 0)), Result::kOk);
}

TEST(FrameHeaderTest, TellsCorruptionBeforeVersionBeforeFlags) {
  std::string bytes = SetByte(Pinned(), 24, 0xff);
  bytes = SetByte(bytes, 3, 0xff);
  EXPECT_EQ(Parse(bytes), Result::kBadFlags);
  bytes = SetByte(bytes, 2, 0xff);
  EXPECT_EQ(Parse(bytes), Result::kBadVersion);
  bytes = SetByte(bytes, 0, 0xff);
  EXPECT_EQ(Parse(bytes), Result::kBadMagic);
}

TEST(FrameHeaderTest, EveryFieldCountsForEquality) {
  for (size_t at = 3; at < kFrameHeaderBytes; ++at) {
    // Differs in one bit and stays within every limit.
    const int bit = at == 3 ? kFlagPriority : 1;
    if (at >= 24 && at < 27) continue;
    std::string changed = SetByte(Pinned(), 25, 0);
    std::string other = SetByte(changed, at, changed[at] ^ bit);
    FrameHeader a;
    FrameHeader b;
    ASSERT_EQ(FrameHeader::Parse(changed.data(), &a), Result::kOk);
    ASSERT_EQ(FrameHeader::Parse(other.data(), &b), Result::kOk);
    EXPECT_FALSE(a == b) << "byte " << at;
  }
}

TEST(FrameHeaderTest, PrintsWhatMatters) {
  EXPECT_EQ(PinnedHeader().ToString(),
            "7->3 auth 0 handle 5 reply_to 1001 flags 1 length 65536");
}

TEST(FrameHeaderTest, HasAnotherTextForEveryResult) {
  std::set<std::string> texts;
  for (Result result : {Result::kOk, Result::kBadMagic, Result::kBadVersion,
                        Result::kBadFlags, Result::kTooLong}) {
    texts.insert(ParseResultText(result));
  }
  EXPECT_EQ(texts.size(), 5u);
}

}  // namespace
}  // namespace ramet::core
