#include "third_party/musl_cxx/support/small_blocks.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "third_party/musl_cxx/support/block_sizes.h"

namespace ramet::memory {
namespace {

// A block that is full of a byte of its own.
struct Marked {
  explicit Marked(size_t size, unsigned char fill)
      : bytes(size), byte(fill), memory(AllocateSmall(size)) {
    if (memory != nullptr) memset(memory, byte, bytes);
  }
  bool Intact() const {
    const auto* const begin = static_cast<const unsigned char*>(memory);
    return std::all_of(begin, begin + bytes,
                       [this](unsigned char b) { return b == byte; });
  }
  size_t bytes;
  unsigned char byte;
  void* memory;
};

TEST(SmallBlocksTest, BlocksOfAllSizesAreAlignedAndDisjoint) {
  std::vector<Marked> blocks;
  for (size_t bytes = 0; bytes <= kLargestSmallBytes; bytes += bytes / 9 + 1) {
    for (int i = 0; i < 5; ++i) {
      blocks.emplace_back(bytes, static_cast<unsigned char>(blocks.size()));
      ASSERT_NE(blocks.back().memory, nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(blocks.back().memory) % 16, 0u);
      EXPECT_TRUE(IsSmall(blocks.back().memory));
    }
  }
  for (const Marked& block : blocks) {
    EXPECT_TRUE(block.Intact());
    FreeSmall(block.memory);
  }
}

TEST(SmallBlocksTest, OtherMemoryIsNotItsOwn) {
  FreeSmall(AllocateSmall(1));
  int on_the_stack;
  EXPECT_FALSE(IsSmall(&on_the_stack));
  EXPECT_FALSE(IsSmall(nullptr));
  EXPECT_FALSE(IsSmall(reinterpret_cast<void*>(UINTPTR_MAX)));
}

TEST(SmallBlocksTest, WhatIsFreeIsUsedAgain) {
  // More than a thread keeps.
  constexpr int kBlocks = 5000;
  std::set<void*> first;
  for (int round = 0; round < 10; ++round) {
    std::vector<void*> blocks;
    for (int i = 0; i < kBlocks; ++i) blocks.push_back(AllocateSmall(1000));
    if (round == 0) first.insert(blocks.begin(), blocks.end());
    for (void* block : blocks) {
      EXPECT_EQ(first.count(block), 1u);
      FreeSmall(block);
    }
  }
}

TEST(SmallBlocksTest, AnEndedThreadsBlocksAreUsedByOthers) {
  std::set<void*> used;
  for (int i = 0; i < 50; ++i) {
    std::thread([&used] {
      std::vector<void*> blocks;
      for (int j = 0; j < 20; ++j) blocks.push_back(AllocateSmall(3000));
      used.insert(blocks.begin(), blocks.end());
      for (void* block : blocks) FreeSmall(block);
    }).join();
  }
  EXPECT_EQ(used.size(), 20u);
}

TEST(SmallBlocksTest, BlocksThatAThreadOnlyGotAreUsedByOthers) {
  std::vector<void*> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(AllocateSmall(6000));
  const std::set<void*> known(blocks.begin(), blocks.end());
  for (void* block : blocks) FreeSmall(block);
  blocks.clear();
  // Takes some for later, and frees none itself.
  for (int i = 0; i < 100; ++i) {
    std::thread([&blocks] { blocks.push_back(AllocateSmall(6000)); }).join();
  }
  int again = 0;
  for (void* block : blocks) again += static_cast<int>(known.count(block));
  // But those which this thread keeps.
  EXPECT_GE(again, 95);
  for (void* block : blocks) FreeSmall(block);
}

TEST(SmallBlocksTest, WhatIsReleasedIsUsedForOtherSizes) {
  ReleaseSmall();
  constexpr int kBlocks = 5000;
  std::vector<Marked> used;
  std::vector<Marked> free;
  // 60 chunks and more, of which the last ones stay in use.
  for (int i = 0; i < kBlocks; ++i) {
    std::vector<Marked>* const blocks = i < 4000 ? &free : &used;
    blocks->emplace_back(800, static_cast<unsigned char>(i));
  }
  std::set<uintptr_t> chunks;
  for (const Marked& block : free) {
    chunks.insert(reinterpret_cast<uintptr_t>(block.memory) >> 16);
    FreeSmall(block.memory);
  }
  EXPECT_TRUE(ReleaseSmall());
  EXPECT_FALSE(ReleaseSmall());
  int again = 0;
  for (int i = 0; i < 500; ++i) {
    used.emplace_back(5000, static_cast<unsigned char>(i));
    again += static_cast<int>(
        chunks.count(reinterpret_cast<uintptr_t>(used.back().memory) >> 16));
  }
  EXPECT_GE(again, 400);
  for (const Marked& block : used) {
    EXPECT_TRUE(block.Intact());
    FreeSmall(block.memory);
  }
}

// Allocates and frees when all else of its thread has ended.
pthread_key_t late_key;
void AllocateLate(void* round) {
  Marked block(500, 7);
  EXPECT_TRUE(block.Intact());
  FreeSmall(block.memory);
  const intptr_t left = reinterpret_cast<intptr_t>(round) - 1;
  if (left > 0) {
    pthread_setspecific(late_key, reinterpret_cast<void*>(left));
  }
}

TEST(SmallBlocksTest, DestructorsAtAThreadsEndMayAllocate) {
  ASSERT_EQ(pthread_key_create(&late_key, AllocateLate), 0);
  for (int i = 0; i < 100; ++i) {
    std::thread([] {
      FreeSmall(AllocateSmall(500));
      pthread_setspecific(late_key, reinterpret_cast<void*>(3));
    }).join();
  }
  pthread_key_delete(late_key);
}

TEST(SmallBlocksTest, ThreadsExchangeBlocks) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 20'000;
  std::mutex mutex;
  std::vector<Marked> shared;
  std::vector<std::thread> threads;
  std::atomic<int> damaged{0};
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      std::mt19937 random(id);
      for (int step = 0; step < kSteps; ++step) {
        // Mostly small, as objects are.
        const size_t bytes = (1u << random() % 13) + random() % 64;
        Marked mine(bytes, static_cast<unsigned char>(random()));
        std::unique_lock<std::mutex> lock(mutex);
        shared.push_back(mine);
        if (shared.size() < 500) continue;
        std::swap(shared[random() % shared.size()], shared.back());
        const Marked theirs = shared.back();
        shared.pop_back();
        lock.unlock();
        if (!theirs.Intact()) ++damaged;
        if (step % 1000 == 0) ReleaseSmall();
        FreeSmall(theirs.memory);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(damaged, 0);
  for (const Marked& block : shared) {
    EXPECT_TRUE(block.Intact());
    FreeSmall(block.memory);
  }
}

// Handlers that are there before the first block of all.
bool handlers_allocate = false;
void AllocateInHandler() {
  if (!handlers_allocate) return;
  alarm(30);
  void* blocks[100];
  for (void*& block : blocks) block = AllocateSmall(20'000);
  for (void* block : blocks) FreeSmall(block);
  alarm(0);
}
const int registered =
    pthread_atfork(AllocateInHandler, AllocateInHandler, AllocateInHandler);

TEST(SmallBlocksTest, HandlersOfForkMayAllocate) {
  ASSERT_EQ(registered, 0);
  handlers_allocate = true;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  handlers_allocate = false;
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

#if !defined(__SANITIZE_THREAD__)
TEST(SmallBlocksTest, AChildOfAProcessWithThreadsMayAllocate) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&stop] {
      std::vector<void*> blocks;
      while (!stop) {
        // Takes from and gives to the process's lists all the time.
        for (int j = 0; j < 300; ++j) blocks.push_back(AllocateSmall(2000));
        for (void* block : blocks) FreeSmall(block);
        blocks.clear();
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(30);
      void* blocks[300];
      for (void*& block : blocks) block = AllocateSmall(2000);
      for (void* block : blocks) FreeSmall(block);
      _exit(0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}
#endif

}  // namespace
}  // namespace ramet::memory
