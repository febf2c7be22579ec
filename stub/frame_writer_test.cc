#include "stub/frame_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"
#include "stub/frame_reader.h"

namespace ramet::stub {
namespace {

TEST(FrameWriterTest, FramesOfSeveralThreadsStayWholeAndInEachThreadsOrder) {
  constexpr int kThreads = 4;
  constexpr int kFrames = 300;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  core::UniqueFd near(ends[0]);
  core::UniqueFd far(ends[1]);
  fcntl(near.get(), F_SETFL, O_NONBLOCK);

  FrameWriter writer(near.get());
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&writer, i] {
      for (uint32_t n = 0; n < kFrames; ++n) {
        core::FrameHeader header;
        header.src_id = i;
        header.handle = n;
        // From nothing to the largest, past what the socket holds.
        EXPECT_TRUE(
            writer.Write(header, std::string(n * 211 % core::kMaxPayloadBytes,
                                             static_cast<char>('a' + i))));
      }
    });
  }

  FrameReader reader(far.get());
  std::map<uint32_t, uint32_t> next;
  for (int frames = 0; frames < kThreads * kFrames;) {
    core::FrameHeader header;
    std::string_view payload;
    const FrameReader::NextResult result = reader.Next(&header, &payload);
    ASSERT_NE(result, FrameReader::NextResult::kMalformed);
    if (result == FrameReader::NextResult::kNone) {
      ASSERT_NE(reader.Read(), FrameReader::ReadResult::kEnd);
      continue;
    }
    ++frames;
    ASSERT_EQ(header.handle, next[header.src_id]++);
    ASSERT_EQ(payload, std::string(header.handle * 211 % core::kMaxPayloadBytes,
                                   static_cast<char>('a' + header.src_id)));
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(FrameWriterTest, EveryThreadLearnsThatThePeerIsGone) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  core::UniqueFd near(ends[0]);
  close(ends[1]);
  FrameWriter writer(near.get());
  EXPECT_FALSE(writer.Write(core::FrameHeader(), "x"));
  EXPECT_FALSE(writer.Write(core::FrameHeader(), "x"));
}

}  // namespace
}  // namespace ramet::stub
