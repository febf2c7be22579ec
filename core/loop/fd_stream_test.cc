#include "core/loop/fd_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/loop/event_loop.h"

namespace ramet::core {
namespace {

class Listener final : public ByteStream::Listener {
 public:
  explicit Listener(ByteStream* stream) : stream_(stream) {}

  void OnReadable() override {
    ++readable_calls;
    if (on_readable) return on_readable();
    char buffer[4096];
    for (;;) {
      const ssize_t count = stream_->Read(buffer, sizeof buffer);
      if (count == -EAGAIN) return;
      if (count <= 0) {
        last_result = count;
        ended = true;
        stream_->PauseRead(true);
        return;
      }
      received.append(buffer, count);
    }
  }
  void OnWritable() override {
    ++writable_calls;
    if (on_writable) on_writable();
  }

  std::function<void()> on_readable;
  std::function<void()> on_writable;
  int readable_calls = 0;
  int writable_calls = 0;
  std::string received;
  bool ended = false;
  ssize_t last_result = 1;

 private:
  ByteStream* const stream_;
};

// Once over one socket, once over two pipes.
class FdStreamTest : public testing::TestWithParam<bool> {
 protected:
  FdStreamTest() {
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    if (GetParam()) {
      EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
      far_out_.Reset(ends[1]);
      far_in_.Reset(dup(ends[1]));
      stream_ =
          std::make_unique<FdStream>(&loop_, UniqueFd(ends[0]), UniqueFd());
    } else {
      int other[2];
      EXPECT_EQ(pipe(ends), 0);
      EXPECT_EQ(pipe(other), 0);
      far_out_.Reset(ends[1]);
      far_in_.Reset(other[0]);
      stream_ = std::make_unique<FdStream>(&loop_, UniqueFd(ends[0]),
                                           UniqueFd(other[1]));
    }
    SetNonBlocking(far_in_.get());
    listener_ = std::make_unique<Listener>(stream_.get());
    stream_->SetListener(listener_.get());
  }

  void FarWrites(const std::string& bytes) {
    ASSERT_EQ(write(far_out_.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  void FarCloses() {
    far_out_.Reset();
    far_in_.Reset();
  }
  void RunTurns(int count) {
    for (int i = 0; i < count; ++i) loop_.RunOnce(0);
  }
  // Turns that the loop makes while a timer runs: few, unless it spins.
  int TurnsInAWhile() {
    bool over = false;
    int turns = 0;
    loop_.RunAfter(20'000, [&over] { over = true; });
    while (!over) {
      loop_.RunOnce(-1);
      ++turns;
    }
    return turns;
  }
  void FillUp() {
    const std::string bytes(64 * 1024, 'f');
    while (stream_->Write(bytes.data(), bytes.size()) > 0) {
    }
  }
  std::string FarReads() {
    std::string all;
    char buffer[65536];
    ssize_t count;
    while ((count = read(far_in_.get(), buffer, sizeof buffer)) > 0) {
      all.append(buffer, count);
    }
    return all;
  }

  EventLoop loop_;
  UniqueFd far_out_;
  UniqueFd far_in_;
  std::unique_ptr<FdStream> stream_;
  std::unique_ptr<Listener> listener_;
};

INSTANTIATE_TEST_SUITE_P(SocketAndPipes, FdStreamTest, testing::Bool(),
                         [](const testing::TestParamInfo<bool>& info) {
                           return info.param ? "Socket" : "Pipes";
                         });

TEST_P(FdStreamTest, ReadsWhatThePeerWrites) {
  RunTurns(2);
  EXPECT_EQ(listener_->readable_calls, 0);
  FarWrites("hello");
  RunTurns(2);
  EXPECT_EQ(listener_->received, "hello");
  EXPECT_TRUE(stream_->status().ok());
}

TEST_P(FdStreamTest, GivesTheEndAfterAllData) {
  FarWrites(std::string(30000, 'd'));
  FarCloses();
  RunTurns(3);
  EXPECT_EQ(listener_->received, std::string(30000, 'd'));
  EXPECT_TRUE(listener_->ended);
  EXPECT_EQ(listener_->last_result, 0);
  EXPECT_TRUE(stream_->status().ok());
}

TEST_P(FdStreamTest, WritesReachThePeer) {
  EXPECT_EQ(stream_->Write("hello", 5), 5);
  EXPECT_EQ(FarReads(), "hello");
}

TEST_P(FdStreamTest, TellsWhenItCanBeWrittenAgain) {
  FillUp();
  EXPECT_EQ(stream_->Write("x", 1), -EAGAIN);
  stream_->WantWrite(true);
  RunTurns(3);
  EXPECT_EQ(listener_->writable_calls, 0);
  FarReads();
  RunTurns(1);
  EXPECT_GE(listener_->writable_calls, 1);
  stream_->WantWrite(false);
  const int calls = listener_->writable_calls;
  RunTurns(3);
  EXPECT_EQ(listener_->writable_calls, calls);
}

TEST_P(FdStreamTest, APausedStreamIsSilent) {
  stream_->PauseRead(true);
  FarWrites("later");
  RunTurns(3);
  EXPECT_EQ(listener_->readable_calls, 0);
  stream_->PauseRead(false);
  RunTurns(1);
  EXPECT_EQ(listener_->received, "later");
}

TEST_P(FdStreamTest, APausedStreamThatIsHungUpDoesNotSpin) {
  stream_->PauseRead(true);
  FarWrites("last words");
  FarCloses();
  EXPECT_LE(TurnsInAWhile(), 5);
  EXPECT_EQ(listener_->readable_calls, 0);
  stream_->PauseRead(false);
  RunTurns(3);
  EXPECT_EQ(listener_->received, "last words");
  EXPECT_TRUE(listener_->ended);
}

TEST_P(FdStreamTest, IsWritableOnceThePeerIsGoneAndWritesFail) {
  FillUp();
  stream_->PauseRead(true);
  stream_->WantWrite(true);
  listener_->on_writable = [this] { stream_->WantWrite(false); };
  FarCloses();
  RunTurns(2);
  EXPECT_EQ(listener_->writable_calls, 1);
  EXPECT_EQ(stream_->Write("x", 1), -EPROTO);
  EXPECT_LE(TurnsInAWhile(), 5);
}

TEST_P(FdStreamTest, MayBeDestroyedWhileItTellsThatItIsReadable) {
  listener_->on_readable = [this] { stream_.reset(); };
  FarWrites("x");
  RunTurns(3);
  EXPECT_EQ(listener_->readable_calls, 1);
}

TEST_P(FdStreamTest, MayBeDestroyedWhileItTellsThatItIsWritable) {
  listener_->on_writable = [this] { stream_.reset(); };
  FarWrites("x");
  listener_->on_readable = [] {};
  stream_->WantWrite(true);
  RunTurns(3);
  EXPECT_EQ(listener_->writable_calls, 1);
}

TEST_P(FdStreamTest, ClosesItsDescriptors) {
  stream_.reset();
  char byte;
  EXPECT_EQ(read(far_in_.get(), &byte, 1), 0);
  EXPECT_EQ(write(far_out_.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST_P(FdStreamTest, ChangesNothingWhenAskedForWhatIs) {
  stream_->PauseRead(false);
  stream_->WantWrite(false);
  stream_->PauseRead(true);
  stream_->PauseRead(true);
  FarWrites("x");
  RunTurns(2);
  EXPECT_EQ(listener_->readable_calls, 0);
  stream_->PauseRead(false);
  stream_->PauseRead(false);
  RunTurns(1);
  EXPECT_EQ(listener_->received, "x");
}

TEST(FdStreamSocketTest, APeerThatWasKilledIsAnEnd) {
  EventLoop loop;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  FdStream stream(&loop, UniqueFd(ends[0]), UniqueFd());
  Listener listener(&stream);
  stream.SetListener(&listener);
  // Unread data at the peer's end makes the kernel say ECONNRESET.
  ASSERT_EQ(stream.Write("unread", 6), 6);
  close(ends[1]);
  loop.RunOnce(0);
  EXPECT_TRUE(listener.ended);
  EXPECT_EQ(listener.last_result, 0);
  EXPECT_TRUE(stream.status().ok());
}

TEST(FdStreamErrorTest, AReadErrorFailsWithItsReason) {
  EventLoop loop;
  // A directory can be opened, and not read.
  const int directory = open("/", O_RDONLY | O_DIRECTORY);
  ASSERT_GE(directory, 0);
  FdStream stream(&loop, UniqueFd(directory), UniqueFd());
  char byte;
  EXPECT_EQ(stream.Read(&byte, 1), -EPROTO);
  EXPECT_EQ(stream.status().code(), Code::kUnavailable);
  EXPECT_EQ(stream.status().message(), "cannot read: Is a directory");
}

}  // namespace
}  // namespace ramet::core
