#include "core/base/strings.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>

namespace ramet::core {
namespace {

TEST(ConcatTest, JoinsStringsOfEveryKind) {
  const std::string string = "string";
  const std::string_view with_nul("a\0b", 3);
  EXPECT_EQ(Concat({"literal ", string, std::string_view(" view ")}),
            "literal string view ");
  EXPECT_EQ(Concat({with_nul}), std::string("a\0b", 3));
  EXPECT_EQ(Concat({}), "");
  EXPECT_EQ(Concat({"", std::string(), std::string_view()}), "");
}

TEST(ConcatTest, WritesNumbersOfEveryWidth) {
  EXPECT_EQ(Concat({0, " ", -1, " ", 42u}), "0 -1 42");
  EXPECT_EQ(Concat({std::numeric_limits<int64_t>::min()}),
            "-9223372036854775808");
  EXPECT_EQ(Concat({std::numeric_limits<int64_t>::max()}),
            "9223372036854775807");
  EXPECT_EQ(Concat({std::numeric_limits<uint64_t>::max()}),
            "18446744073709551615");
  EXPECT_EQ(Concat({std::numeric_limits<int32_t>::min()}), "-2147483648");
  EXPECT_EQ(Concat({std::numeric_limits<uint32_t>::max()}), "4294967295");
  EXPECT_EQ(Concat({static_cast<uint8_t>(200), " ", static_cast<int8_t>(-5)}),
            "200 -5");
}

TEST(ConcatTest, AppendKeepsWhatThereIs) {
  std::string text = "a";
  Append(&text, {"b", 1});
  EXPECT_EQ(text, "ab1");
}

TEST(ErrorTest, HasCodeAndText) {
  const Status status = Error(Code::kNotFound, {"no child with id ", 7});
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.message(), "no child with id 7");
}

}  // namespace
}  // namespace ramet::core
