#include "transports/process_stream.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <functional>
#include <memory>
#include <string>

#include "core/loop/event_loop.h"

namespace ramet::transports {
namespace {

// Reads until the end, writes what it is given.
class Reader final : public core::ByteStream::Listener {
 public:
  explicit Reader(core::ByteStream* stream) : stream_(stream) {
    stream->SetListener(this);
  }
  void OnReadable() override {
    char buffer[65536];
    for (;;) {
      const ssize_t count = stream_->Read(buffer, sizeof buffer);
      if (count == -EAGAIN) return;
      if (count <= 0) {
        ended = count == 0;
        failed = count < 0;
        if (on_end) on_end();
        return;
      }
      received.append(buffer, count);
    }
  }
  void OnWritable() override {
    while (!to_send.empty()) {
      const ssize_t count = stream_->Write(to_send.data(), to_send.size());
      if (count == -EAGAIN) return;
      if (count < 0) break;
      to_send.erase(0, count);
    }
    stream_->WantWrite(false);
  }

  std::string received;
  std::string to_send;
  bool ended = false;
  bool failed = false;
  std::function<void()> on_end;

 private:
  core::ByteStream* const stream_;
};

class ProcessStreamTest : public ::testing::Test {
 protected:
  std::unique_ptr<ProcessStream> Start(const std::string& script) {
    core::SpawnOptions options;
    options.argv = {"sh", "-c", script};
    return std::make_unique<ProcessStream>(&loop_, "sh", options);
  }

  bool RunUntil(const std::function<bool()>& done) {
    const int64_t limit = loop_.NowUs() + 20'000'000;
    while (!done() && loop_.NowUs() < limit) loop_.RunOnce(50'000);
    return done();
  }
  bool RunToEnd(const Reader& reader) {
    return RunUntil([&reader] { return reader.ended || reader.failed; });
  }
  // Reaps what was killed, and checks that nothing is left.
  void ExpectNoChildren() {
    EXPECT_TRUE(RunUntil([] {
      siginfo_t info;
      return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 &&
             errno == ECHILD;
    })) << "a child is left";
  }

  core::EventLoop loop_;
};

TEST_F(ProcessStreamTest, EchoesMuchData) {
  auto stream = Start("cat");
  Reader reader(stream.get());
  const std::string bytes(10 << 20, 'x');
  reader.to_send = bytes;
  stream->WantWrite(true);
  EXPECT_TRUE(RunUntil([&] { return reader.received.size() == bytes.size(); }))
      << reader.received.size();
  EXPECT_TRUE(reader.received == bytes);
  EXPECT_TRUE(stream->status().ok());
}

TEST_F(ProcessStreamTest, TellsTheExitStatusAtTheEnd) {
  auto stream = Start("echo out; echo why >&2; exit 7");
  Reader reader(stream.get());
  ASSERT_TRUE(RunToEnd(reader));
  EXPECT_TRUE(reader.ended);
  EXPECT_EQ(reader.received, "out\n");
  EXPECT_EQ(stream->status().message(), "sh exited with status 7: why");
  EXPECT_EQ(stream->status().code(), core::Code::kUnavailable);
  ExpectNoChildren();
}

TEST_F(ProcessStreamTest, WaitsForTheExitStatusAfterTheOutput) {
  auto stream = Start("exec >&-; sleep 0.2; echo late >&2; exit 9");
  Reader reader(stream.get());
  ASSERT_TRUE(RunToEnd(reader));
  EXPECT_EQ(stream->status().message(), "sh exited with status 9: late");
}

TEST_F(ProcessStreamTest, KillsAProcessThatOutlivesItsOutput) {
  auto stream = Start("exec >&-; exec sleep 100");
  Reader reader(stream.get());
  const int64_t start = loop_.NowUs();
  ASSERT_TRUE(RunToEnd(reader));
  EXPECT_GE(loop_.NowUs() - start, ProcessStream::kGraceUs);
  EXPECT_EQ(stream->status().message(), "sh was killed by signal 9 (SIGKILL)");
  ExpectNoChildren();
}

TEST_F(ProcessStreamTest, NamesTheSignal) {
  auto stream = Start("kill -SEGV $$");
  Reader reader(stream.get());
  ASSERT_TRUE(RunToEnd(reader));
  EXPECT_EQ(stream->status().message(), "sh was killed by signal 11 (SIGSEGV)");
}

TEST_F(ProcessStreamTest, EndsThoughADescendantHoldsTheOutput) {
  auto stream = Start("sleep 100 & echo started");
  Reader reader(stream.get());
  const int64_t start = loop_.NowUs();
  ASSERT_TRUE(RunToEnd(reader));
  // The descendant is of the group, and killed with it.
  EXPECT_LT(loop_.NowUs() - start, ProcessStream::kGraceUs);
  EXPECT_EQ(reader.received, "started\n");
}

TEST_F(ProcessStreamTest, EndsThoughAStrangerHoldsTheOutput) {
  // The substitution ends when the stranger, in its session, has let go of it.
  auto stream = Start(
      "exec 3>&1; pid=$( (setsid sh -c"
      " 'echo $$; exec >&3; exec sleep 100' &) ); echo $pid");
  Reader reader(stream.get());
  const int64_t start = loop_.NowUs();
  ASSERT_TRUE(RunToEnd(reader));
  EXPECT_LT(loop_.NowUs() - start, 2 * ProcessStream::kGraceUs);
  EXPECT_EQ(kill(atoi(reader.received.c_str()), SIGKILL), 0);
}

TEST_F(ProcessStreamTest, KeepsDataThatIsReadLongAfterTheExit) {
  auto stream = Start("head -c 60000 /dev/zero");
  Reader reader(stream.get());
  stream->PauseRead(true);
  const int64_t limit = loop_.NowUs() + ProcessStream::kGraceUs + 500'000;
  while (loop_.NowUs() < limit) loop_.RunOnce(100'000);
  EXPECT_TRUE(stream->exited());
  EXPECT_FALSE(reader.ended);
  stream->PauseRead(false);
  ASSERT_TRUE(RunToEnd(reader));
  EXPECT_EQ(reader.received.size(), 60000u);
}

TEST_F(ProcessStreamTest, TellsTheEndOnce) {
  auto stream = Start("echo out");
  Reader reader(stream.get());
  int ends = 0;
  reader.on_end = [&ends] { ++ends; };
  const int64_t limit = loop_.NowUs() + ProcessStream::kGraceUs + 200'000;
  while (loop_.NowUs() < limit) loop_.RunOnce(100'000);
  EXPECT_EQ(ends, 1);
}

TEST_F(ProcessStreamTest, FailsWithoutAProgram) {
  core::SpawnOptions options;
  options.argv = {"ramet-no-such-program"};
  ProcessStream stream(&loop_, "it", options);
  Reader reader(&stream);
  EXPECT_FALSE(reader.failed) << "told from within SetListener";
  ASSERT_TRUE(RunToEnd(reader));
  EXPECT_TRUE(reader.failed);
  EXPECT_EQ(stream.status().message(),
            "cannot start ramet-no-such-program: not found in PATH");
}

TEST_F(ProcessStreamTest, WritingToAProcessThatIsGoneIsNoSignal) {
  auto stream = Start("exit 0");
  Reader reader(stream.get());
  ASSERT_TRUE(RunToEnd(reader));
  EXPECT_EQ(stream->Write("x", 1), -EPROTO);
}

TEST_F(ProcessStreamTest, EndsAProcessThatStoppedListening) {
  auto stream = Start("exec <&-; exec sleep 100");
  Reader reader(stream.get());
  ASSERT_TRUE(RunUntil([&stream] { return stream->Write("x", 1) < 0; }));
  ASSERT_TRUE(RunToEnd(reader));
}

TEST_F(ProcessStreamTest, DestructionKillsAndReapsWithoutWaiting) {
  auto stream = Start("trap '' TERM HUP INT; sleep 100 & cat; wait");
  Reader reader(stream.get());
  loop_.RunOnce(10'000);
  const int64_t start = loop_.NowUs();
  stream.reset();
  EXPECT_LT(loop_.NowUs() - start, 50'000);
  ExpectNoChildren();
}

TEST_F(ProcessStreamTest, TheLoopReapsWhatItStillHolds) {
  {
    core::EventLoop loop;
    core::SpawnOptions options;
    options.argv = {"sleep", "100"};
    ProcessStream stream(&loop, "sleep", options);
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(ProcessStreamTest, AListenerMayDestroyTheStream) {
  auto stream = Start("exit 1");
  Reader reader(stream.get());
  reader.on_end = [&stream] { stream.reset(); };
  ASSERT_TRUE(RunToEnd(reader));
  ExpectNoChildren();
}

TEST_F(ProcessStreamTest, ReadsStandardErrorThatNobodyWouldRead) {
  auto stream = Start("head -c 1000000 /dev/zero >&2; echo done");
  Reader reader(stream.get());
  ASSERT_TRUE(RunToEnd(reader));
  EXPECT_EQ(reader.received, "done\n");
}

}  // namespace
}  // namespace ramet::transports
