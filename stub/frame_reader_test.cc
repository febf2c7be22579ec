#include "stub/frame_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "core/base/unique_fd.h"

namespace ramet::stub {
namespace {

class FrameReaderTest : public testing::Test {
 protected:
  FrameReaderTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    near_.Reset(ends[0]);
    far_.Reset(ends[1]);
  }

  static std::string Frame(std::string_view payload) {
    core::FrameHeader header;
    header.dst_id = 7;
    header.length = static_cast<uint32_t>(payload.size());
    std::string bytes(core::kFrameHeaderBytes, '\0');
    header.Serialize(bytes.data());
    return bytes.append(payload);
  }

  void Send(std::string_view bytes) {
    ASSERT_EQ(write(far_.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }

  core::UniqueFd near_;
  core::UniqueFd far_;
  core::FrameHeader header_;
  std::string_view payload_;
};

using Read = FrameReader::ReadResult;
using Next = FrameReader::NextResult;

TEST_F(FrameReaderTest, NothingHasComeYet) {
  FrameReader reader(near_.get());
  EXPECT_EQ(reader.Read(), Read::kDrained);
  EXPECT_EQ(reader.Next(&header_, &payload_), Next::kNone);
}

TEST_F(FrameReaderTest, OneReadGivesSeveralFrames) {
  FrameReader reader(near_.get());
  Send(Frame("one") + Frame("") + Frame("three"));
  EXPECT_EQ(reader.Read(), Read::kDrained);
  ASSERT_EQ(reader.Next(&header_, &payload_), Next::kFrame);
  EXPECT_EQ(payload_, "one");
  EXPECT_EQ(header_.dst_id, 7u);
  ASSERT_EQ(reader.Next(&header_, &payload_), Next::kFrame);
  EXPECT_EQ(payload_, "");
  ASSERT_EQ(reader.Next(&header_, &payload_), Next::kFrame);
  EXPECT_EQ(payload_, "three");
  EXPECT_EQ(reader.Next(&header_, &payload_), Next::kNone);
}

TEST_F(FrameReaderTest, FrameThatComesByteByByteIsWhole) {
  FrameReader reader(near_.get());
  const std::string frame = Frame("slow");
  for (char byte : frame.substr(0, frame.size() - 1)) {
    Send(std::string_view(&byte, 1));
    EXPECT_EQ(reader.Read(), Read::kDrained);
    EXPECT_EQ(reader.Next(&header_, &payload_), Next::kNone);
  }
  Send(frame.substr(frame.size() - 1));
  reader.Read();
  ASSERT_EQ(reader.Next(&header_, &payload_), Next::kFrame);
  EXPECT_EQ(payload_, "slow");
}

TEST_F(FrameReaderTest, LargestFramesPassAtEveryOffsetOfTheBuffer) {
  FrameReader reader(near_.get());
  std::string expected(core::kMaxPayloadBytes, 'x');
  for (int i = 0; i < 40; ++i) {
    expected[0] = static_cast<char>('a' + i % 26);
    // A small frame moves the next one off the buffer's beginning.
    Send(Frame("small") + Frame(expected).substr(0, 50'000));
    reader.Read();
    ASSERT_EQ(reader.Next(&header_, &payload_), Next::kFrame);
    EXPECT_EQ(payload_, "small");
    Send(Frame(expected).substr(50'000));
    while (reader.Next(&header_, &payload_) == Next::kNone) reader.Read();
    ASSERT_EQ(payload_.size(), expected.size());
    EXPECT_EQ(payload_, expected);
  }
}

TEST_F(FrameReaderTest, FullBufferIsNotTheEnd) {
  FrameReader reader(near_.get());
  const std::string large = Frame(std::string(core::kMaxPayloadBytes, 'x'));
  const int frames = 8;  // twice what the buffer holds
  for (int i = 0; i < frames; ++i) {
    Send(large);
    ASSERT_NE(reader.Read(), Read::kEnd) << i;
    // As a module that has taken its hello and not what came with it.
    if (i == 0) {
      ASSERT_EQ(reader.Next(&header_, &payload_), Next::kFrame);
    }
    if (reader.Read() != Read::kMore) continue;
    while (reader.Next(&header_, &payload_) == Next::kFrame) {
      EXPECT_EQ(payload_.size(), core::kMaxPayloadBytes);
    }
  }
}

TEST_F(FrameReaderTest, BytesThatAreNoFrameAreMalformed) {
  FrameReader reader(near_.get());
  Send("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
  reader.Read();
  EXPECT_EQ(reader.Next(&header_, &payload_), Next::kMalformed);
  EXPECT_STREQ(reader.problem(), "bytes that are not a frame");
}

TEST_F(FrameReaderTest, EndComesAfterTheData) {
  FrameReader reader(near_.get());
  Send(Frame("last"));
  far_.Reset();
  EXPECT_EQ(reader.Read(), Read::kDrained);
  EXPECT_EQ(reader.Next(&header_, &payload_), Next::kFrame);
  EXPECT_EQ(reader.Read(), Read::kEnd);
}

}  // namespace
}  // namespace ramet::stub
