#include "core/base/status.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

namespace ramet::core {
namespace {

TEST(StatusTest, IsOkByDefault) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), Code::kOk);
  EXPECT_EQ(status.message(), "");
}

TEST(StatusTest, KeepsCodeAndMessage) {
  const Status status(Code::kUnavailable, "gone");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_EQ(status.message(), "gone");
}

TEST(StatusTest, IsAValue) {
  Status status(Code::kUnavailable, "gone");
  Status copy = status;
  status = Status();
  EXPECT_EQ(copy.message(), "gone");
  Status moved = std::move(copy);
  EXPECT_EQ(moved.code(), Code::kUnavailable);
  moved = Status(moved);
  const Status& alias = moved;
  moved = alias;
  EXPECT_EQ(moved.message(), "gone");
  moved = Status(Code::kAborted, "else");
  EXPECT_EQ(moved.code(), Code::kAborted);
}

TEST(StatusTest, OkHasNoMessage) {
  EXPECT_TRUE(Status(Code::kOk, "fine").ok());
}

TEST(CodeTest, NamesAreGrpcs) {
  EXPECT_STREQ(CodeName(Code::kOk), "OK");
  EXPECT_STREQ(CodeName(Code::kDeadlineExceeded), "DEADLINE_EXCEEDED");
  EXPECT_STREQ(CodeName(Code::kUnauthenticated), "UNAUTHENTICATED");
  std::set<std::string> names;
  for (uint32_t number = 0; number <= 16; ++number) {
    EXPECT_EQ(static_cast<uint32_t>(CodeFromNumber(number)), number);
    names.insert(CodeName(CodeFromNumber(number)));
  }
  EXPECT_EQ(names.size(), 17u);
}

TEST(CodeTest, AnyOtherNumberIsUnknown) {
  for (uint32_t number : {17u, 999u, 0x80000000u, 0xFFFFFFFFu}) {
    EXPECT_EQ(CodeFromNumber(number), Code::kUnknown);
    EXPECT_STREQ(CodeName(static_cast<Code>(number)), "UNKNOWN");
  }
}

TEST(ErrnoTextTest, SaysWhatAndWhy) {
  EXPECT_EQ(ErrnoText("cannot open", ENOENT),
            "cannot open: No such file or directory");
}

}  // namespace
}  // namespace ramet::core
