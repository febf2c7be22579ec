#include "stub/status_bridge.h"

#include <gtest/gtest.h>

namespace ramet::stub {
namespace {

TEST(StatusBridgeTest, EveryCodeKeepsItsNumberAndText) {
  EXPECT_TRUE(ToAbslStatus(core::Status()).ok());
  EXPECT_TRUE(ToCoreStatus(absl::OkStatus()).ok());
  for (int code = 1; code <= 16; ++code) {
    const core::Status status(static_cast<core::Code>(code), "why");
    const absl::Status absl_status = ToAbslStatus(status);
    EXPECT_EQ(absl_status.raw_code(), code);
    EXPECT_EQ(absl_status.message(), "why");
    const core::Status back = ToCoreStatus(absl_status);
    EXPECT_EQ(back.code(), status.code());
    EXPECT_EQ(back.message(), "why");
  }
}

TEST(StatusBridgeTest, NumberThatIsNoCodeIsUnknown) {
  const absl::Status odd(static_cast<absl::StatusCode>(77), "odd");
  EXPECT_EQ(ToCoreStatus(odd).code(), core::Code::kUnknown);
}

}  // namespace
}  // namespace ramet::stub
