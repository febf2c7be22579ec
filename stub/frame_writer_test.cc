#include "stub/frame_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/base/check.h"
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

class FrameWriterQueueTest : public testing::Test {
 protected:
  FrameWriterQueueTest() {
    fcntl(near_.get(), F_SETFL, O_NONBLOCK);
    fcntl(far_.get(), F_SETFL, O_NONBLOCK);
  }

  static core::UniqueFd NearEnd(core::UniqueFd* far) {
    int ends[2];
    RAMET_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    far->Reset(ends[1]);
    return core::UniqueFd(ends[0]);
  }

  static std::string FrameOf(uint32_t number) {
    core::FrameHeader header;
    header.handle = number;
    std::string frame;
    AppendFrame(header, std::string(10'000, 'q'), &frame);
    return frame;
  }
  // Takes what is there; false when it is nothing.
  bool Receive() {
    const FrameReader::ReadResult result = reader_.Read();
    RAMET_CHECK(result != FrameReader::ReadResult::kEnd);
    core::FrameHeader header;
    std::string_view payload;
    bool any = false;
    while (reader_.Next(&header, &payload) == FrameReader::NextResult::kFrame) {
      EXPECT_EQ(header.handle, received_++);
      EXPECT_EQ(payload, std::string(10'000, 'q'));
      any = true;
    }
    return any;
  }

  core::UniqueFd far_;
  core::UniqueFd near_{NearEnd(&far_)};
  int stalls_ = 0;
  FrameWriter writer_{near_.get(), [this] { ++stalls_; }};
  FrameReader reader_{far_.get()};
  uint32_t received_ = 0;
};

TEST_F(FrameWriterQueueTest, QueuedFramesWaitForAPeerThatDoesNotRead) {
  constexpr uint32_t kFrames = 200;  // 2 MB
  for (uint32_t i = 0; i < kFrames; ++i) writer_.ForceQueue(FrameOf(i));
  EXPECT_EQ(stalls_, 1);
  EXPECT_GT(writer_.waiting_bytes(), 1'000'000u);
  while (received_ < kFrames) {
    if (!Receive()) writer_.OnWritable();
  }
  EXPECT_EQ(writer_.waiting_bytes(), 0u);
  EXPECT_GT(stalls_, 1);
  // Nothing is left behind.
  const int before = stalls_;
  writer_.OnWritable();
  writer_.ForceQueue(FrameOf(kFrames));
  EXPECT_TRUE(Receive());
  EXPECT_EQ(stalls_, before);
}

TEST_F(FrameWriterQueueTest, ThreadThatMayBlockWritesWhatIsQueuedFirst) {
  constexpr uint32_t kFrames = 100;
  for (uint32_t i = 0; i < kFrames; ++i) writer_.ForceQueue(FrameOf(i));
  ASSERT_GT(writer_.waiting_bytes(), 0u);
  std::thread blocking([&] { EXPECT_TRUE(writer_.Write(FrameOf(kFrames))); });
  while (received_ <= kFrames) Receive();
  blocking.join();
  EXPECT_EQ(writer_.waiting_bytes(), 0u);
}

TEST_F(FrameWriterQueueTest, DrainWaitsUntilEverythingIsOut) {
  constexpr uint32_t kFrames = 100;
  for (uint32_t i = 0; i < kFrames; ++i) writer_.ForceQueue(FrameOf(i));
  std::thread draining([&] { writer_.Drain(); });
  while (received_ < kFrames) Receive();
  draining.join();
  EXPECT_EQ(writer_.waiting_bytes(), 0u);
}

TEST_F(FrameWriterQueueTest, PeerThatIsGoneTakesEverything) {
  for (uint32_t i = 0; i < 100; ++i) writer_.ForceQueue(FrameOf(i));
  far_.Reset();
  writer_.OnWritable();
  EXPECT_EQ(writer_.waiting_bytes(), 0u);
  writer_.ForceQueue(FrameOf(0));
  EXPECT_FALSE(writer_.Write(FrameOf(0)));
  writer_.Drain();
}

}  // namespace
}  // namespace ramet::stub
