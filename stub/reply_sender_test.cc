#include "stub/reply_sender.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/cord.h"
#include "core/base/unique_fd.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "stub/status_bridge.h"

namespace ramet::stub {
namespace {

class ReplySenderTest : public testing::Test {
 protected:
  ReplySenderTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    near_.Reset(ends[0]);
    far_.Reset(ends[1]);
  }

  // The trailers of the one frame that was sent.
  core::CallTrailers ReceiveTrailers() {
    char frame[4096];
    const ssize_t count = read(far_.get(), frame, sizeof frame);
    core::FrameHeader header;
    EXPECT_EQ(core::FrameHeader::Parse(frame, &header),
              core::FrameHeader::ParseResult::kOk);
    EXPECT_EQ(static_cast<size_t>(count),
              core::kFrameHeaderBytes + header.length);
    core::PartReader parts({frame + core::kFrameHeaderBytes, header.length});
    core::Part part;
    core::CallTrailers trailers;
    while (parts.Next(&part)) {
      if (part.kind == core::PartKind::kTrailers) {
        EXPECT_TRUE(core::ParseControl(part.bytes, &trailers));
      }
    }
    return trailers;
  }

  core::UniqueFd near_;
  core::UniqueFd far_;
};

TEST_F(ReplySenderTest, ErrorTravelsWithItsDetails) {
  FrameWriter writer(near_.get());
  ReplySender sender(&writer, 7, 1000);
  absl::Status status = absl::NotFoundError("no such disk");
  status.SetPayload(kStatusDetailsUrl, absl::Cord("details"));
  ASSERT_TRUE(sender.Send(3, 1000, status, "ignored"));
  const core::CallTrailers trailers = ReceiveTrailers();
  EXPECT_EQ(trailers.code, 5u);
  EXPECT_EQ(trailers.message, "no such disk");
  EXPECT_EQ(trailers.details, "details");
}

TEST_F(ReplySenderTest, CodeThatGrpcDoesNotKnowIsUnknown) {
  FrameWriter writer(near_.get());
  ReplySender sender(&writer, 7, 1000);
  const absl::Status odd(static_cast<absl::StatusCode>(99), "odd \xff");
  ASSERT_TRUE(sender.Send(3, 1000, odd, ""));
  const core::CallTrailers trailers = ReceiveTrailers();
  EXPECT_EQ(trailers.code, 2u);
  EXPECT_EQ(trailers.message, "odd ?");
}

TEST_F(ReplySenderTest, PeerThatIsGoneIsAValue) {
  FrameWriter writer(near_.get());
  ReplySender sender(&writer, 7, 1000);
  far_.Reset();
  EXPECT_FALSE(sender.Send(3, 1000, absl::OkStatus(), "reply"));
}

}  // namespace
}  // namespace ramet::stub
