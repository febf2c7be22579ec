#include "clients/cli/printable.h"

#include <gtest/gtest.h>

namespace ramet::cli {
namespace {

TEST(PrintableTest, KeepsTextAndReplacesWhatATerminalObeys) {
  EXPECT_EQ(Printable("a\tb\nc"), "a\tb\nc");
  EXPECT_EQ(Printable("a\x1b[31m\r\x7f"), "a?[31m??");
  EXPECT_EQ(Printable("Grüße"), "Grüße");
}

TEST(PrintableTest, ALineStaysOneLine) {
  EXPECT_EQ(PrintableLine("x\n[web1] forged"), "x?[web1] forged");
  EXPECT_EQ(PrintableLine("a\tb"), "a\tb");
}

}  // namespace
}  // namespace ramet::cli
