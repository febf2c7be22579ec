#include "agent/libc/heap.h"

#include <gtest/gtest.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <random>
#include <vector>

namespace {

// Of the kernel that madvise() plays; 0: it is the one below.
size_t advised_page_bytes = 0;
int advised = 0;

}  // namespace

// As a kernel with such pages has it, which this one may not be: the begin must
// be a page's, the length is rounded up.
extern "C" int madvise(void* begin, size_t bytes, int advice) noexcept {
  if (advised_page_bytes == 0) {
    return static_cast<int>(syscall(SYS_madvise, begin, bytes, advice));
  }
  EXPECT_EQ(advice, MADV_DONTNEED);
  if (reinterpret_cast<uintptr_t>(begin) % advised_page_bytes != 0) return -1;
  bytes = (bytes + advised_page_bytes - 1) & ~(advised_page_bytes - 1);
  memset(begin, 0, bytes);
  advised += bytes > 0;
  return 0;
}

namespace ramet::agent {
namespace {

struct Piece {
  uint8_t* memory;
  size_t bytes;
  uint8_t mark;
};

// Filled as its owner would.
Piece Take(Heap* heap, size_t bytes, uint8_t mark) {
  uint8_t* const memory = static_cast<uint8_t*>(heap->Allocate(bytes));
  EXPECT_NE(memory, nullptr) << bytes;
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 16, 0u) << bytes;
  EXPECT_GE(Heap::UsableBytes(memory), bytes);
  memset(memory, mark, bytes);
  return Piece{memory, bytes, mark};
}

void Return(Heap* heap, const Piece& piece) {
  for (size_t i = 0; i < piece.bytes; ++i) {
    ASSERT_EQ(piece.memory[i], piece.mark) << i << " of " << piece.bytes;
  }
  heap->Free(piece.memory);
}

// Mostly small, now and then as large as a frame or larger than an arena.
size_t SomeSize(std::mt19937* random) {
  const uint32_t limits[] = {8, 64, 64, 64, 300, 300, 5000, 70'000, 600'000};
  return (*random)() % limits[(*random)() % 9];
}

TEST(HeapTest, PiecesKeepTheirBytesInAnyOrder) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Heap heap;
    std::vector<Piece> pieces;
    for (int step = 0; step < 5000; ++step) {
      // Grows to some hundreds, and falls again.
      const bool grow = random() % 100 < (step % 2000 < 1000 ? 60u : 40u);
      if (grow || pieces.empty()) {
        pieces.push_back(
            Take(&heap, SomeSize(&random), static_cast<uint8_t>(step)));
      } else {
        const size_t i = random() % pieces.size();
        Return(&heap, pieces[i]);
        pieces[i] = pieces.back();
        pieces.pop_back();
      }
    }
    for (const Piece& piece : pieces) Return(&heap, piece);
    EXPECT_EQ(heap.arena_bytes(), Heap::kArenaBytes) << "one is kept";
  }
}

TEST(HeapTest, WhatIsFreedIsUsedAgain) {
  Heap heap;
  void* const first = heap.Allocate(100);
  void* const second = heap.Allocate(100);
  void* const third = heap.Allocate(100);
  heap.Free(second);
  EXPECT_EQ(heap.Allocate(100), second);
  // Neighbours are joined: what none of them had room for fits.
  heap.Free(first);
  heap.Free(second);
  heap.Free(third);
  EXPECT_EQ(heap.Allocate(300), first);
}

TEST(HeapTest, ManySmallPiecesTakeLittleMoreThanTheirSize) {
  Heap heap;
  constexpr int kCount = 100'000;
  for (int i = 0; i < kCount; ++i) Take(&heap, 40, 1);
  EXPECT_LE(heap.arena_bytes(), kCount * 48 + Heap::kArenaBytes);
}

TEST(HeapTest, ALargePieceGoesBackToTheKernel) {
  Heap heap;
  const Piece small = Take(&heap, 10, 1);
  const Piece large = Take(&heap, 10'000'000, 2);
  EXPECT_GT(heap.arena_bytes(), 10'000'000u);
  Return(&heap, large);
  EXPECT_EQ(heap.arena_bytes(), Heap::kArenaBytes);
  Return(&heap, small);
}

TEST(HeapTest, OneEmptyArenaIsKeptAndNoMore) {
  Heap heap;
  // Nothing else fits beside these, so each has an arena.
  std::vector<Piece> pieces;
  for (int i = 0; i < 5; ++i) {
    pieces.push_back(Take(&heap, Heap::kArenaBytes - 5000, 1));
  }
  EXPECT_EQ(heap.arena_bytes(), 5 * Heap::kArenaBytes);
  for (const Piece& piece : pieces) Return(&heap, piece);
  EXPECT_EQ(heap.arena_bytes(), Heap::kArenaBytes);
  void* const memory = pieces.front().memory;
  EXPECT_EQ(heap.Allocate(20), memory);
}

TEST(HeapTest, TrimmingGivesPagesBackAndKeepsWhatIsUsed) {
  Heap heap;
  const Piece first = Take(&heap, 100, 1);
  const Piece large = Take(&heap, 100'000, 2);
  const Piece last = Take(&heap, 100, 3);
  uint8_t* const inside = large.memory + 50'000;
  Return(&heap, large);
  EXPECT_EQ(*inside, 2);
  heap.Trim(sysconf(_SC_PAGESIZE));
  EXPECT_EQ(*inside, 0) << "a new page";
  Return(&heap, first);
  Return(&heap, last);
  const Piece all = Take(&heap, 200'000, 4);
  Return(&heap, all);
}

TEST(HeapTest, TrimmingTakesWholePagesOfTheKernelsSizeOnly) {
  for (const size_t page_bytes : {4096, 16'384, 65'536}) {
    Heap heap;
    std::mt19937 random(1);
    std::vector<Piece> used;
    std::vector<Piece> free;
    for (int i = 0; i < 400; ++i) {
      const Piece piece = Take(&heap, 16 + random() % 40'000, 1);
      (random() % 4 == 0 ? used : free).push_back(piece);
    }
    for (const Piece& piece : free) Return(&heap, piece);
    advised_page_bytes = page_bytes;
    advised = 0;
    heap.Trim(page_bytes);
    advised_page_bytes = 0;
    EXPECT_GT(advised, 0);
    for (const Piece& piece : used) Return(&heap, piece);
  }
}

TEST(HeapTest, EverySizeAroundTheLimitsWorks) {
  Heap heap;
  for (const size_t limit :
       {size_t{0}, size_t{24}, size_t{40}, size_t{4096}, Heap::kArenaBytes,
        2 * Heap::kArenaBytes, size_t{1} << 26}) {
    for (size_t bytes = limit < 40 ? 0 : limit - 40; bytes <= limit + 40;
         ++bytes) {
      uint8_t* const memory = static_cast<uint8_t*>(heap.Allocate(bytes));
      ASSERT_NE(memory, nullptr) << bytes;
      if (bytes > 0) memory[0] = memory[bytes - 1] = 1;
      heap.Free(memory);
    }
  }
}

TEST(HeapTest, WhatNobodyHasIsRefused) {
  Heap heap;
  EXPECT_EQ(heap.Allocate(SIZE_MAX), nullptr);
  EXPECT_EQ(heap.Allocate(SIZE_MAX / 2), nullptr);
  EXPECT_EQ(heap.Allocate((size_t{1} << 46) + 1), nullptr);
  EXPECT_EQ(heap.arena_bytes(), 0u);
  heap.Free(nullptr);
}

TEST(HeapDeathTest, MemoryThatIsFreedTwiceEndsTheProcess) {
  Heap heap;
  void* const first = heap.Allocate(100);
  void* const second = heap.Allocate(100);
  void* const third = heap.Allocate(100);
  heap.Free(first);
  EXPECT_DEATH(heap.Free(first), "");
  // Also when it has been joined with its neighbour.
  heap.Free(second);
  EXPECT_DEATH(heap.Free(second), "");
  EXPECT_DEATH(heap.Free(first), "");
  heap.Free(third);
}

TEST(HeapDeathTest, WritingBehindTheEndEndsTheProcess) {
  Heap heap;
  uint8_t* const memory = static_cast<uint8_t*>(heap.Allocate(100));
  uint8_t* const other = static_cast<uint8_t*>(heap.Allocate(100));
  memset(memory + Heap::UsableBytes(memory), 0, 16);
  EXPECT_DEATH(heap.Free(memory), "");
  EXPECT_DEATH(heap.Free(other), "");
}

}  // namespace
}  // namespace ramet::agent
