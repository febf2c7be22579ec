#include "transports/text_tail.h"

#include <gtest/gtest.h>

#include <string>

namespace ramet::transports {
namespace {

TEST(TextTailTest, JoinsLines) {
  TextTail tail;
  tail.Append("first\r\nsec");
  tail.Append("ond\n\n  \n");
  EXPECT_EQ(tail.Text(), "first | second");
}

TEST(TextTailTest, KeepsTheLastLines) {
  TextTail tail;
  for (int i = 0; i < 100; ++i) tail.Append("line " + std::to_string(i) + "\n");
  const std::string text = tail.Text();
  EXPECT_EQ(text.substr(0, 7), "line 90");
  EXPECT_EQ(text.substr(text.size() - 7), "line 99");
}

TEST(TextTailTest, LeavesOutALineThatLostItsBeginning) {
  TextTail tail;
  tail.Append("secret beginning of " + std::string(TextTail::kMaxBytes, 'x'));
  tail.Append("\nwhole\n");
  EXPECT_EQ(tail.Text(), "whole");
}

TEST(TextTailTest, ShowsTheEndOfOneEndlessLine) {
  TextTail tail;
  tail.Append(std::string(100000, 'x') + "end");
  EXPECT_EQ(tail.Text().size(), TextTail::kMaxBytes);
  EXPECT_EQ(tail.Text().substr(TextTail::kMaxBytes - 3), "end");
}

TEST(TextTailTest, LeavesOutFrames) {
  TextTail tail;
  tail.Append("@@@@@@@@@@\n@    WARNING!    @\n@@@@@@@@@@\n");
  EXPECT_EQ(tail.Text(), "@    WARNING!    @");
}

TEST(PrintableTest, ReplacesControlCharacters) {
  EXPECT_EQ(Printable("\x1b[31mred\x7f\tx"), "?[31mred? x");
  EXPECT_EQ(Printable(std::string_view("a\0b", 3)), "a?b");
}

TEST(PrintableTest, KeepsUtf8) {
  const std::string text = "Zugriff verweigert: \u00e4\u20ac\U0001f41a";
  EXPECT_EQ(Printable(text), text);
}

TEST(PrintableTest, ReplacesWhatIsNotUtf8) {
  // A lone continuation, an overlong slash, a surrogate, beyond U+10FFFF, and a
  // sequence that is cut off.
  EXPECT_EQ(Printable("\x80"), "?");
  EXPECT_EQ(Printable("\xc0\xaf"), "??");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "???");
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "????");
  EXPECT_EQ(Printable("x\xe2\x82"), "x??");
}

}  // namespace
}  // namespace ramet::transports
