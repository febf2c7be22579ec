#include "importer/line_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/loop/event_loop.h"

namespace ramet::importer {
namespace {

using core::UniqueFd;
using Lines = std::vector<std::string>;

class LineReaderTest : public testing::Test {
 protected:
  LineReaderTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    write_.Reset(ends[1]);
    reader_ = std::make_unique<LineReader>(
        &loop_, UniqueFd(ends[0]),
        [this](std::string_view line) { lines_.emplace_back(line); });
  }

  void Write(const std::string& text) {
    ASSERT_EQ(write(write_.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  void RunTurns(int count = 3) {
    for (int i = 0; i < count; ++i) loop_.RunOnce(0);
  }

  core::EventLoop loop_;
  UniqueFd write_;
  std::unique_ptr<LineReader> reader_;
  Lines lines_;
};

TEST_F(LineReaderTest, GivesLinesWithoutTheirEnds) {
  Write("one\ntwo\n\nfour\n");
  RunTurns();
  EXPECT_EQ(lines_, (Lines{"one", "two", "", "four"}));
}

TEST_F(LineReaderTest, PutsPiecesOfALineTogether) {
  Write("be");
  RunTurns();
  Write("gin");
  RunTurns();
  EXPECT_TRUE(lines_.empty());
  Write("ning\nnext");
  RunTurns();
  EXPECT_EQ(lines_, Lines{"beginning"});
}

TEST_F(LineReaderTest, GivesTheLastLineThoughItHasNoEnd) {
  Write("one\nlast words");
  write_.Reset();
  RunTurns();
  EXPECT_EQ(lines_, (Lines{"one", "last words"}));
  RunTurns();
  EXPECT_EQ(lines_.size(), 2u);
}

TEST_F(LineReaderTest, AnEmptyEndIsNoLine) {
  Write("one\n");
  write_.Reset();
  RunTurns();
  EXPECT_EQ(lines_, Lines{"one"});
}

TEST_F(LineReaderTest, CutsLongLines) {
  const size_t limit = LineReader::kMaxLineBytes;
  Write(std::string(limit, 'a') + "\n" + std::string(limit + 1, 'b') + "\n" +
        std::string(2 * limit + 5, 'c') + "\n");
  RunTurns();
  EXPECT_EQ(lines_,
            (Lines{std::string(limit, 'a'), std::string(limit, 'b'), "b",
                   std::string(limit, 'c'), std::string(limit, 'c'), "ccccc"}));
}

TEST_F(LineReaderTest, AnEndlessLineTakesNoMemory) {
  for (int i = 0; i < 100; ++i) {
    Write(std::string(10000, 'x'));
    RunTurns();
  }
  EXPECT_GE(lines_.size(), 1'000'000 / LineReader::kMaxLineBytes - 1);
}

TEST_F(LineReaderTest, AFloodDoesNotHoldTheLoop) {
  Write(std::string(60000, '\n'));
  RunTurns(1);
  EXPECT_LE(lines_.size(), LineReader::kMaxBytesPerTurn);
  RunTurns(10);
  EXPECT_EQ(lines_.size(), 60000u);
}

TEST_F(LineReaderTest, DrainGivesAllThatIsThereTheLastPartialLineToo) {
  Write(std::string(50000, '\n') + "partial");
  reader_->Drain();
  ASSERT_EQ(lines_.size(), 50001u);
  EXPECT_EQ(lines_.back(), "partial");
  reader_->Drain();
  EXPECT_EQ(lines_.size(), 50001u);
  Write("more\n");
  RunTurns();
  EXPECT_EQ(lines_.back(), "more");
}

TEST_F(LineReaderTest, DrainAfterTheEndIsHarmless) {
  write_.Reset();
  RunTurns();
  reader_->Drain();
  EXPECT_TRUE(lines_.empty());
}

TEST_F(LineReaderTest, ClosesThePipe) {
  reader_.reset();
  EXPECT_EQ(fcntl(write_.get(), F_GETFD), FD_CLOEXEC);
  signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(write(write_.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace ramet::importer
