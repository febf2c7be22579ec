#include "importer/image_patch.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace ramet::importer {
namespace {

using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

// What it gives, or "refused".
std::string Apply(std::string_view patch, std::string_view base, size_t bytes) {
  std::string out(bytes, '?');
  return ApplyImagePatch(patch, base, out.data(), bytes) ? out : "refused";
}

// The example of docs/wire_format.md.
TEST(ImagePatchTest, TakesFromTheBaseAndAdds) {
  // 6 bytes of the base, the last of them 1 higher; 2 more; 3 back; then 4.
  const std::string_view patch =
      "\x06\x02\x05\0\0\0\0\0\x01"
      "xy"
      "\x04\0\0\0\0\0\0"sv;
  EXPECT_EQ(Apply(patch, "abcdefghij", 12), "abcdegxydefg");
}

TEST(ImagePatchTest, NumbersHaveSevenBitsInEachByte) {
  const std::string base(300, 'b');
  const std::string patch = "\xAC\x02\x00\x00"s + std::string(300, '\0');
  EXPECT_EQ(Apply(patch, base, 300), base);
}

TEST(ImagePatchTest, GivesExactlyTheBytesThatAreAskedFor) {
  const std::string_view patch = "\0\x03\0xyz"sv;
  EXPECT_EQ(Apply(patch, "", 3), "xyz");
  EXPECT_EQ(Apply(patch, "", 2), "refused");
  EXPECT_EQ(Apply(patch, "", 4), "refused");
  EXPECT_EQ(Apply("", "", 0), "");
  EXPECT_EQ(Apply("", "", 1), "refused");
}

TEST(ImagePatchTest, StaysInTheBase) {
  EXPECT_EQ(Apply("\x04\0\0\0\0\0\0"sv, "abc", 4), "refused");
  // To its end, and not beyond.
  EXPECT_EQ(Apply("\0\x01\x06x\0\x01\0y"sv, "abc", 2), "xy");
  EXPECT_EQ(Apply("\0\x01\x08x\0\x01\0y"sv, "abc", 2), "refused");
  // Before its beginning.
  EXPECT_EQ(Apply("\0\x01\x01x\x01\0\0\0"sv, "abc", 2), "refused");
}

TEST(ImagePatchTest, NumbersThatWrapAreRefused) {
  const std::string most = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01";
  for (const std::string& patch :
       {most + "\x01\0xx"s, "\x01"s + most + "\0xx"s, most + most + "\0xx"s,
        "\x01\x01"s + most + "xx\x01\0\0x"s, most, most + most}) {
    EXPECT_EQ(Apply(patch, "abcdefgh", 3), "refused");
  }
}

TEST(ImagePatchTest, CutOffAnywhereItIsRefused) {
  const std::string_view patch =
      "\x06\x02\x05\0\0\0\0\0\x01"
      "xy"
      "\x04\0\0\0\0\0\0"sv;
  for (size_t length = 0; length < patch.size(); ++length) {
    EXPECT_EQ(Apply(patch.substr(0, length), "abcdefghij", 12), "refused")
        << length;
  }
}

}  // namespace
}  // namespace ramet::importer
