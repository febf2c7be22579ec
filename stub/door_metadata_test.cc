#include "stub/door_metadata.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace ramet::stub {
namespace {

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(1);

class DoorMetadataTest : public testing::Test {
 protected:
  absl::Status Read(const std::map<std::string, std::string>& metadata) {
    options_ = CallOptions();
    return ReadDoorMetadata(
        [&](const std::string& key) -> std::optional<std::string> {
          const auto found = metadata.find(key);
          if (found == metadata.end()) return std::nullopt;
          return found->second;
        },
        kNow, &options_);
  }
  absl::Status RoundTrip(const CallOptions& options) {
    const MetadataPairs pairs = DoorMetadata(options, kNow);
    EXPECT_TRUE(CheckMetadata(pairs).ok());
    return Read({pairs.begin(), pairs.end()});
  }

  CallOptions options_;
};

TEST_F(DoorMetadataTest, WhatIsUsualNeedsNone) {
  EXPECT_TRUE(DoorMetadata(CallOptions(), kNow).empty());
  ASSERT_TRUE(RoundTrip(CallOptions()).ok());
  EXPECT_EQ(options_.deadline, absl::InfiniteFuture());
  EXPECT_FALSE(options_.wait_for_ready);
  EXPECT_EQ(options_.chain_position.id, 0u);
}

TEST_F(DoorMetadataTest, AllOptionsComeBack) {
  CallOptions options;
  options.timeout = absl::Milliseconds(1500);
  options.max_reply_bytes = 64 * 1024 * 1024;
  options.wait_for_ready = true;
  options.chain_position = {UINT64_MAX, UINT32_MAX, 7, 5, 30, 28};
  ASSERT_TRUE(RoundTrip(options).ok());
  EXPECT_EQ(options_.deadline, kNow + absl::Milliseconds(1500));
  EXPECT_EQ(options_.max_reply_bytes, 64u * 1024 * 1024);
  EXPECT_TRUE(options_.wait_for_ready);
  EXPECT_EQ(options_.chain_position.id, UINT64_MAX);
  EXPECT_EQ(options_.chain_position.epoch, UINT32_MAX);
  EXPECT_EQ(options_.chain_position.index, 7u);
  EXPECT_EQ(options_.chain_position.known_ok, 5u);
  EXPECT_EQ(options_.chain_position.sequence, 30u);
  EXPECT_EQ(options_.chain_position.settled, 28u);
}

TEST_F(DoorMetadataTest, DeadlineThatHasPassedIsNone) {
  CallOptions options;
  options.deadline = kNow - absl::Seconds(1);
  ASSERT_TRUE(RoundTrip(options).ok());
  EXPECT_EQ(options_.deadline, kNow);
}

TEST_F(DoorMetadataTest, ShortChainCountsByItsIndex) {
  ASSERT_TRUE(Read({{"ramet-chain", "4711:3"}}).ok());
  EXPECT_EQ(options_.chain_position.id, 4711u);
  EXPECT_EQ(options_.chain_position.index, 3u);
  EXPECT_EQ(options_.chain_position.sequence, 3u);
  EXPECT_EQ(options_.chain_position.settled, 0u);
  EXPECT_EQ(options_.chain_position.epoch, 0u);
}

TEST_F(DoorMetadataTest, RefusesWhatIsNoValue) {
  for (const char* chain :
       {"", "1", "0:1", "a:1", "1:-1", "1:1:1", "1:2:3:4:5:6:7",
        "1:", "1:1:0:2:1:0", "1:1:0:0:1:2", "1:1:4294967296:0:1:0",
        "18446744073709551616:1", "1 :2"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Read({{"ramet-chain", chain}})))
        << chain;
  }
  for (const char* key : {"ramet-timeout-us", "ramet-max-reply-bytes"}) {
    for (const char* number : {"", "x", "-1", "1.5", "99999999999999999999"}) {
      EXPECT_TRUE(absl::IsInvalidArgument(Read({{key, number}}))) << number;
    }
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Read({{"ramet-wait-for-ready", "1"}})));
}

}  // namespace
}  // namespace ramet::stub
