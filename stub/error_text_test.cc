#include "stub/error_text.h"

#include <gtest/gtest.h>

#include <string>

namespace ramet::stub {
namespace {

TEST(ErrorTextTest, ValidTextIsUnchanged) {
  EXPECT_EQ(CleanErrorText(""), "");
  EXPECT_EQ(CleanErrorText("plain"), "plain");
  EXPECT_EQ(CleanErrorText("ü € 𝄞"), "ü € 𝄞");
  const std::string whole(kMaxErrorTextBytes, 'e');
  EXPECT_EQ(CleanErrorText(whole), whole);
}

TEST(ErrorTextTest, BytesThatAreNotUtf8BecomeQuestionMarks) {
  EXPECT_EQ(CleanErrorText("a\xff"
                           "b"),
            "a?b");
  EXPECT_EQ(CleanErrorText("\xc3"), "?");                 // cut off
  EXPECT_EQ(CleanErrorText("\xc0\xaf"), "??");            // overlong
  EXPECT_EQ(CleanErrorText("\xed\xa0\x80"), "???");       // a surrogate
  EXPECT_EQ(CleanErrorText("\xf4\x90\x80\x80"), "????");  // above U+10FFFF
}

TEST(ErrorTextTest, LongerTextIsCutAndSaysSo) {
  const std::string clean =
      CleanErrorText(std::string(kMaxErrorTextBytes + 10, 'e'));
  EXPECT_EQ(clean,
            std::string(kMaxErrorTextBytes, 'e') + "... (10 more bytes)");
}

}  // namespace
}  // namespace ramet::stub
