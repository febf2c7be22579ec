#include "server/chain_sequencer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

namespace ramet::server {
namespace {

using Numbers = std::vector<uint64_t>;

class ChainSequencerTest : public testing::Test {
 protected:
  static stub::ChainPosition At(uint64_t sequence, uint64_t settled = 0) {
    stub::ChainPosition position;
    position.id = kKey.second;
    position.sequence = sequence;
    position.settled = settled;
    return position;
  }
  bool Enter(uint64_t sequence, uint64_t settled = 0, size_t bytes = 0) {
    return sequencer_.Enter(kKey, At(sequence, settled), bytes,
                            [=] { forwarded_.push_back(sequence); });
  }
  Numbers Take() { return std::exchange(forwarded_, {}); }

  static const ChainSequencer::Key kKey;
  ChainSequencer sequencer_;
  Numbers forwarded_;
};

const ChainSequencer::Key ChainSequencerTest::kKey = {"uid 0", 4711};

TEST_F(ChainSequencerTest, CallsThatOvertakeWait) {
  EXPECT_TRUE(Enter(2));
  EXPECT_TRUE(Enter(1));
  EXPECT_EQ(Take(), Numbers());
  EXPECT_TRUE(Enter(0));
  EXPECT_EQ(Take(), (Numbers{0, 1, 2}));
  EXPECT_TRUE(Enter(3));
  EXPECT_EQ(Take(), Numbers{3});
}

TEST_F(ChainSequencerTest, CallsThatAreOverAreNotWaitedFor) {
  EXPECT_TRUE(Enter(5, /*settled=*/0));
  EXPECT_EQ(Take(), Numbers());
  EXPECT_TRUE(Enter(6, /*settled=*/5));
  EXPECT_EQ(Take(), (Numbers{5, 6}));
}

TEST_F(ChainSequencerTest, LateAndDoubleCallsPassAtOnce) {
  Enter(0);
  Enter(1);
  Enter(0);
  EXPECT_EQ(Take(), (Numbers{0, 1, 0}));
}

TEST_F(ChainSequencerTest, ExpiredCallGoesWithoutThoseBeforeIt) {
  Enter(3);
  Enter(5);
  sequencer_.Expire(kKey, At(3));
  EXPECT_EQ(Take(), Numbers{3});
  // The one that was missing all the time.
  Enter(2);
  Enter(4);
  EXPECT_EQ(Take(), (Numbers{2, 4, 5}));
  sequencer_.Expire(kKey, At(5));
  sequencer_.Expire({"nobody", 1}, At(5));
  EXPECT_EQ(Take(), Numbers());
}

TEST_F(ChainSequencerTest, NobodyWaitsForOneThatWillNotCome) {
  Enter(1);
  sequencer_.Skip(kKey, At(0));
  EXPECT_EQ(Take(), Numbers{1});
  sequencer_.Skip(kKey, At(2));
  Enter(3);
  EXPECT_EQ(Take(), Numbers{3});
  // Ahead of its turn it says nothing of those before it.
  Enter(5);
  sequencer_.Skip(kKey, At(6));
  EXPECT_EQ(Take(), Numbers());
  Enter(4);
  EXPECT_EQ(Take(), (Numbers{4, 5}));
}

TEST_F(ChainSequencerTest, InTheEndNobodyWaits) {
  Enter(3);
  Enter(5);
  sequencer_.ExpireAll();
  EXPECT_EQ(Take(), (Numbers{3, 5}));
}

TEST_F(ChainSequencerTest, ChainsOfOthersAreOtherChains) {
  Enter(0);
  int others = 0;
  EXPECT_TRUE(sequencer_.Enter({"uid 1", 4711}, At(0), 0, [&] { ++others; }));
  EXPECT_TRUE(sequencer_.Enter({"uid 1", 4711}, At(2), 0, [&] { ++others; }));
  EXPECT_EQ(others, 1);
  EXPECT_NE(sequencer_.IdFor({"uid 1", 4711}), sequencer_.IdFor(kKey));
  EXPECT_EQ(sequencer_.IdFor(kKey), sequencer_.IdFor(kKey));
}

TEST_F(ChainSequencerTest, HoldsSoManyBytes) {
  EXPECT_TRUE(Enter(1, 0, ChainSequencer::kMaxHeldBytes));
  EXPECT_FALSE(Enter(2, 0, 1));
  // Whose turn it is needs no room.
  EXPECT_TRUE(Enter(0, 0, 1));
  EXPECT_EQ(Take(), (Numbers{0, 1}));
  EXPECT_TRUE(Enter(3, 0, ChainSequencer::kMaxHeldBytes));
}

TEST_F(ChainSequencerTest, ForgetsTheOldestIdleChain) {
  Enter(1);  // waits
  for (uint64_t id = 1; id <= ChainSequencer::kMaxIdleChains + 10; ++id) {
    sequencer_.Enter({"a", id}, At(0), 0, [] {});
  }
  EXPECT_EQ(sequencer_.chains(), ChainSequencer::kMaxIdleChains + 1);
  Enter(0);
  EXPECT_EQ(Take(), (Numbers{0, 1}));
  EXPECT_EQ(sequencer_.chains(), ChainSequencer::kMaxIdleChains);
}

TEST_F(ChainSequencerTest, ManyThreadsKeepTheOrder) {
  constexpr uint64_t kCalls = 20'000;
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i] {
      std::vector<uint64_t> mine;
      for (uint64_t n = i; n < kCalls; n += kThreads) mine.push_back(n);
      std::mt19937 random(i);
      for (size_t at = 0; at < mine.size(); at += 100) {
        const size_t end = std::min(at + 100, mine.size());
        std::shuffle(mine.begin() + at, mine.begin() + end, random);
      }
      for (const uint64_t n : mine) Enter(n);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(forwarded_.size(), kCalls);
  EXPECT_TRUE(std::is_sorted(forwarded_.begin(), forwarded_.end()));
}

}  // namespace
}  // namespace ramet::server
