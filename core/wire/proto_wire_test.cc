#include "core/wire/proto_wire.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace ramet::core {
namespace {

std::string Varint(uint64_t value) {
  std::string bytes;
  AppendVarint(&bytes, value);
  return bytes;
}

TEST(VarintTest, SerializesThePinnedBytes) {
  const std::vector<std::pair<uint64_t, std::string>> pinned = {
      {0, std::string(1, '\0')},
      {1, "\x01"},
      {127, "\x7f"},
      {128, "\x80\x01"},
      {300, "\xac\x02"},
      {0xFFFFFFFF, "\xff\xff\xff\xff\x0f"},
      {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
  };
  for (const auto& [value, bytes] : pinned) {
    EXPECT_EQ(Varint(value), bytes) << value;
    std::string_view rest = bytes;
    uint64_t parsed = 0;
    EXPECT_TRUE(TakeVarint(&rest, &parsed)) << value;
    EXPECT_EQ(parsed, value);
    EXPECT_TRUE(rest.empty());
  }
}

TEST(VarintTest, RoundTripsEveryPowerOfTwo) {
  for (int shift = 0; shift < 64; ++shift) {
    for (uint64_t value : {uint64_t{1} << shift, (uint64_t{1} << shift) - 1}) {
      const std::string bytes = Varint(value);
      std::string_view rest = bytes;
      uint64_t parsed = 0;
      ASSERT_TRUE(TakeVarint(&rest, &parsed));
      EXPECT_EQ(parsed, value);
    }
  }
}

TEST(VarintTest, TakesNothingBehindIt) {
  std::string_view rest = "\x01\x02";
  uint64_t value = 0;
  ASSERT_TRUE(TakeVarint(&rest, &value));
  EXPECT_EQ(rest, "\x02");
}

TEST(VarintTest, RefusesOneThatIsCutOff) {
  const std::string whole = Varint(UINT64_MAX);
  for (size_t size = 0; size < whole.size(); ++size) {
    std::string_view rest(whole.data(), size);
    uint64_t value = 0;
    EXPECT_FALSE(TakeVarint(&rest, &value)) << size;
  }
}

TEST(VarintTest, RefusesMoreThanTenBytes) {
  const std::string bytes = std::string(10, '\x80') + std::string(1, '\0');
  std::string_view rest = bytes;
  uint64_t value = 0;
  EXPECT_FALSE(TakeVarint(&rest, &value));
}

TEST(FieldReaderTest, ReadsWhatWasAppended) {
  std::string message;
  AppendVarintField(&message, 1, 300);
  AppendBytesField(&message, 2, "text");
  AppendBytesField(&message, 16, "");
  AppendVarintField(&message, 536870911, 0);
  FieldReader reader(message);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.number(), 1u);
  EXPECT_EQ(reader.type(), WireType::kVarint);
  EXPECT_EQ(reader.varint(), 300u);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.number(), 2u);
  EXPECT_EQ(reader.type(), WireType::kBytes);
  EXPECT_EQ(reader.bytes(), "text");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.number(), 16u);
  EXPECT_EQ(reader.bytes(), "");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.number(), 536870911u);
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.ok());
}

TEST(FieldReaderTest, StepsOverFixedFields) {
  std::string message =
      "\x0d"
      "abcd"
      "\x11"
      "abcdefgh";
  AppendVarintField(&message, 3, 5);
  FieldReader reader(message);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.type(), WireType::kFixed32);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.type(), WireType::kFixed64);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.varint(), 5u);
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.ok());
}

TEST(FieldReaderTest, RefusesWhatIsNoField) {
  const std::vector<std::string> bad = {
      std::string(1, '\0'),  // field 0
      "\x02x",               // field 0 of bytes
      "\x08",                // no value
      "\x0a",                // no length
      "\x0a\x05"
      "four",                                          // cut off
      "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  // 2^64 - 1 bytes
      "\x0d"
      "abc",  // cut off
      "\x11"
      "abcdefg",                   // cut off
      "\x0b",                      // a group begins
      "\x0c",                      // a group ends
      "\x0e",                      // no wire type
      "\x0f",                      // no wire type
      "\x80\x80\x80\x80\x80\x01",  // a tag of more than 32 bits
  };
  for (const std::string& bytes : bad) {
    FieldReader reader(bytes);
    EXPECT_FALSE(reader.Next()) << testing::PrintToString(bytes);
    EXPECT_FALSE(reader.ok()) << testing::PrintToString(bytes);
    EXPECT_FALSE(reader.Next()) << "goes on after an error";
  }
}

TEST(FieldReaderTest, AnEmptyMessageHasNoFields) {
  FieldReader reader("");
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.ok());
}

}  // namespace
}  // namespace ramet::core
