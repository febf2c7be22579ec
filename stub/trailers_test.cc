#include "stub/trailers.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/cord.h"
#include "core/wire/control.h"
#include "stub/error_text.h"
#include "stub/status_bridge.h"

namespace ramet::stub {
namespace {

core::CallTrailers Parsed(const std::string& bytes) {
  core::CallTrailers trailers;
  EXPECT_TRUE(core::ParseControl(bytes, &trailers));
  return trailers;
}

TEST(TrailersTest, OkAloneIsNothing) {
  EXPECT_EQ(SerializeTrailers(absl::OkStatus(), {}), "");
}

TEST(TrailersTest, ErrorTravelsWithItsDetails) {
  absl::Status status = absl::NotFoundError("no such disk");
  status.SetPayload(kStatusDetailsUrl, absl::Cord("details"));
  const core::CallTrailers trailers = Parsed(SerializeTrailers(status, {}));
  EXPECT_EQ(trailers.code, 5u);
  EXPECT_EQ(trailers.message, "no such disk");
  EXPECT_EQ(trailers.details, "details");
}

TEST(TrailersTest, CodeThatGrpcDoesNotKnowIsUnknown) {
  const absl::Status odd(static_cast<absl::StatusCode>(99), "odd \xff");
  const core::CallTrailers trailers = Parsed(SerializeTrailers(odd, {}));
  EXPECT_EQ(trailers.code, 2u);
  EXPECT_EQ(trailers.message, "odd ?");
}

TEST(TrailersTest, MetadataTravelsWithEveryStatus) {
  const std::string bytes("\0\xff", 2);
  for (const absl::Status& status :
       {absl::OkStatus(), absl::InternalError("x")}) {
    const core::CallTrailers trailers =
        Parsed(SerializeTrailers(status, {{"a", "1"}, {"b-bin", bytes}}));
    ASSERT_EQ(trailers.metadata.size(), 2u);
    EXPECT_EQ(trailers.metadata[1].key, "b-bin");
    EXPECT_EQ(trailers.metadata[1].value, bytes);
  }
}

TEST(TrailersTest, LongTextIsCut) {
  const core::CallTrailers trailers = Parsed(SerializeTrailers(
      absl::InternalError(std::string(kMaxErrorTextBytes + 10, 'x')), {}));
  EXPECT_NE(trailers.message.find("(10 more bytes)"), std::string::npos);
}

}  // namespace
}  // namespace ramet::stub
