#include "third_party/musl_cxx/support/large_blocks.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace ramet::memory {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

TEST(LargeBlocksTest, ABufferOfTheSameSizeIsUsedAgain) {
  for (const size_t bytes : {40 * kKiB, 64 * kKiB + 30, kMiB + 100}) {
    void* const first = AllocateLarge(bytes);
    ASSERT_NE(first, nullptr);
    memset(first, 1, bytes);
    FreeLarge(first);
    void* const second = AllocateLarge(bytes - 10);
    EXPECT_EQ(second, first);
    memset(second, 2, bytes - 10);
    FreeLarge(second);
  }
}

TEST(LargeBlocksTest, MemoryOfMallocIsFreed) {
  for (const size_t bytes : {size_t{1}, size_t{1000}, 33 * kKiB, 100 * kKiB + 1,
                             3 * kMiB, 5 * kMiB}) {
    void* const memory = malloc(bytes);
    memset(memory, 1, bytes);
    FreeLarge(memory);
    // Large enough for what it is used for next.
    void* const next = AllocateLarge(bytes);
    memset(next, 2, bytes);
    FreeLarge(next);
  }
  FreeLarge(nullptr);
}

TEST(LargeBlocksTest, ManyBuffersAreNotAllKept) {
  // A leak would be seen by the sanitizer, a block kept twice by the marks.
  std::vector<unsigned char*> blocks;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 60; ++i) {
      const size_t bytes = (40 + i * 20) * kKiB;
      blocks.push_back(static_cast<unsigned char*>(AllocateLarge(bytes)));
      ASSERT_NE(blocks.back(), nullptr);
      memset(blocks.back(), i, bytes);
    }
    for (int i = 0; i < 60; ++i) {
      EXPECT_EQ(blocks[i][0], i);
      EXPECT_EQ(blocks[i][(40 + i * 20) * kKiB - 1], i);
      FreeLarge(blocks[i]);
    }
    blocks.clear();
  }
}

TEST(LargeBlocksTest, OnesThatAreLargerThanTheLargestKeptAreFreed) {
  void* const larger = AllocateLarge(9 * kMiB / 2);
  ASSERT_NE(larger, nullptr);
  FreeLarge(larger);
  void* const largest = AllocateLarge(4 * kMiB);
  ASSERT_NE(largest, nullptr);
  EXPECT_LT(malloc_usable_size(largest), 17 * kMiB / 4);
  FreeLarge(largest);
}

TEST(LargeBlocksTest, HugeOnesAndNoneAreMallocs) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The sanitizers' malloc ends the process instead.
  EXPECT_EQ(AllocateLarge(SIZE_MAX / 2), nullptr);
#endif
  void* const huge = AllocateLarge(64 * kMiB);
  ASSERT_NE(huge, nullptr);
  FreeLarge(huge);
}

TEST(LargeBlocksTest, AllThreadsMayCall) {
  std::vector<std::thread> threads;
  std::atomic<int> damaged{0};
  for (int id = 1; id <= 4; ++id) {
    threads.emplace_back([id, &damaged] {
      std::mt19937 random(id);
      for (int step = 0; step < 300; ++step) {
        const size_t bytes = (33 + random() % 400) * kKiB;
        auto* const block = static_cast<unsigned char*>(AllocateLarge(bytes));
        memset(block, id, bytes);
        std::this_thread::yield();
        for (size_t i = 0; i < bytes; i += 997) damaged += block[i] != id;
        FreeLarge(block);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(damaged, 0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
size_t DataBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  size_t kib = 0;
  while (status >> word) {
    if (word == "VmData:") status >> kib;
  }
  return kib * kKiB;
}

// Ends with 0 if there is memory for `bytes` when all is used up but what is
// kept.
void AllocateAtTheLimit(size_t bytes) {
  mallopt(M_MMAP_THRESHOLD, 128 * kKiB);
  void* kept[4];
  for (void*& buffer : kept) buffer = AllocateLarge(7 * kMiB / 2);
  for (void* buffer : kept) FreeLarge(buffer);
  const rlimit limit{DataBytes(), RLIM_INFINITY};
  if (limit.rlim_cur == 0 || setrlimit(RLIMIT_DATA, &limit) != 0) _exit(1);
  if (mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
           -1, 0) != MAP_FAILED) {
    _exit(2);
  }
  _exit(AllocateLarge(bytes) != nullptr ? 0 : 3);
}

TEST(LargeBlocksDeathTest, WhatIsKeptIsThereForOthers) {
  EXPECT_EXIT(AllocateAtTheLimit(3 * kMiB), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(AllocateAtTheLimit(10 * kMiB), testing::ExitedWithCode(0), "");
}
#endif

// Handlers that are there before the first buffer of all.
bool handlers_allocate = false;
void AllocateInHandler() {
  if (!handlers_allocate) return;
  alarm(30);
  FreeLarge(AllocateLarge(50 * kKiB));
  alarm(0);
}
const int registered =
    pthread_atfork(AllocateInHandler, AllocateInHandler, AllocateInHandler);

TEST(LargeBlocksTest, HandlersOfForkMayAllocate) {
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
TEST(LargeBlocksTest, AChildOfAProcessWithThreadsMayAllocate) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&stop] {
      // Takes the lock all the time.
      while (!stop) FreeLarge(AllocateLarge(50 * kKiB));
    });
  }
  int children_that_ended = 0;
  for (int i = 0; i < 200; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);
      FreeLarge(AllocateLarge(50 * kKiB));
      _exit(0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (status != 0) break;
    ++children_that_ended;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(children_that_ended, 200);
}
#endif

}  // namespace
}  // namespace ramet::memory
