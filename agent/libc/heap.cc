#include "agent/libc/heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

namespace ramet::agent {
namespace {

constexpr size_t kAlignment = 16;
// Where the kernel's are larger, it rounds up what is mapped and unmapped.
constexpr size_t kPageBytes = 4096;
constexpr size_t kUsed = 1;        // this chunk is
constexpr size_t kBeforeUsed = 2;  // the chunk before it is
constexpr size_t kFirst = 4;       // it is the first of its arena
constexpr size_t kFlags = kAlignment - 1;
// How many chunks of its own list a request looks at.
constexpr int kTries = 8;

void Check(bool sane) {
  if (!sane) abort();
}

}  // namespace

// `before_bytes` belongs to the chunk before: it is the last word of its memory
// as long as that is used.
struct Heap::Chunk {
  static constexpr size_t kHeaderBytes = 2 * sizeof(size_t);
  // A used chunk has the first word of the chunk behind it.
  static constexpr size_t kOverheadBytes = sizeof(size_t);

  size_t bytes() const { return size & ~kFlags; }
  void* memory() { return &next; }
  Chunk* At(size_t offset) {
    return reinterpret_cast<Chunk*>(reinterpret_cast<char*>(this) + offset);
  }
  static Chunk* Of(const void* memory) {
    return reinterpret_cast<Chunk*>(
        const_cast<char*>(static_cast<const char*>(memory)) - kHeaderBytes);
  }

  size_t before_bytes;  // of the chunk before, if that is free
  size_t size;          // with kUsed and kBeforeUsed
  Chunk* next;          // of its list, if it is free
  Chunk* previous;
};

// The list for chunks of `bytes`, a multiple of 16 from 32 up.
int Heap::ListOf(size_t bytes) {
  const int power = 63 - __builtin_clzl(bytes);
  const int list = 2 * (power - 5) + static_cast<int>(bytes >> (power - 1) & 1);
  return list < kLists ? list : kLists - 1;
}

void Heap::Insert(Chunk* chunk, size_t bytes, size_t first) {
  chunk->size = bytes | first | kBeforeUsed;
  chunk->At(bytes)->before_bytes = bytes;
  chunk->At(bytes)->size &= ~kBeforeUsed;
  const int list = ListOf(bytes);
  chunk->previous = nullptr;
  chunk->next = lists_[list];
  if (chunk->next != nullptr) chunk->next->previous = chunk;
  lists_[list] = chunk;
  filled_ |= uint64_t{1} << list;
}

void Heap::Remove(Chunk* chunk) {
  const int list = ListOf(chunk->bytes());
  if (chunk->next != nullptr) {
    Check(chunk->next->previous == chunk);
    chunk->next->previous = chunk->previous;
  }
  if (chunk->previous != nullptr) {
    Check(chunk->previous->next == chunk);
    chunk->previous->next = chunk->next;
  } else {
    Check(lists_[list] == chunk);
    lists_[list] = chunk->next;
    if (chunk->next == nullptr) filled_ &= ~(uint64_t{1} << list);
  }
  if (chunk == empty_) empty_ = nullptr;
}

Heap::Chunk* Heap::Find(size_t bytes) {
  const int own = ListOf(bytes);
  Chunk* chunk = lists_[own];
  for (int i = 0; chunk != nullptr && i < kTries; ++i, chunk = chunk->next) {
    if (chunk->bytes() >= bytes) return chunk;
  }
  const uint64_t larger = filled_ & ~uint64_t{1} << own;
  return larger == 0 ? nullptr : lists_[__builtin_ctzl(larger)];
}

// One free chunk and, as the end of the row, the header of a used one without
// bytes.
Heap::Chunk* Heap::AddArena(size_t bytes) {
  bytes = (bytes + Chunk::kHeaderBytes + kPageBytes - 1) & ~(kPageBytes - 1);
  if (bytes < kArenaBytes) bytes = kArenaBytes;
  void* const arena = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (arena == MAP_FAILED) return nullptr;
  arena_bytes_ += bytes;
  Chunk* const chunk = static_cast<Chunk*>(arena);
  bytes -= Chunk::kHeaderBytes;
  chunk->At(bytes)->size = kUsed;
  Insert(chunk, bytes, kFirst);
  return chunk;
}

void* Heap::Allocate(size_t bytes) {
  // More than any machine has, and far from where rounding up would wrap.
  if (bytes > size_t{1} << 46) return nullptr;
  bytes = (bytes + Chunk::kOverheadBytes + kAlignment - 1) & ~kFlags;
  if (bytes < sizeof(Chunk)) bytes = sizeof(Chunk);
  Chunk* chunk = Find(bytes);
  if (chunk == nullptr) chunk = AddArena(bytes);
  if (chunk == nullptr) return nullptr;
  Remove(chunk);
  const size_t rest = chunk->bytes() - bytes;
  if (rest >= sizeof(Chunk)) {
    Insert(chunk->At(bytes), rest, 0);
  } else {
    bytes += rest;
    chunk->At(bytes)->size |= kBeforeUsed;
  }
  chunk->size = bytes | (chunk->size & kFirst) | kUsed | kBeforeUsed;
  return chunk->memory();
}

void Heap::Free(void* memory) {
  if (memory == nullptr) return;
  Chunk* chunk = Chunk::Of(memory);
  size_t bytes = chunk->bytes();
  Chunk* const after = chunk->At(bytes);
  Check((chunk->size & kUsed) != 0 && (after->size & kBeforeUsed) != 0);
  // Should it be freed again after it has become a part of another chunk.
  chunk->size &= ~kUsed;
  if ((after->size & kUsed) == 0) {
    bytes += after->bytes();
    Remove(after);
  }
  if ((chunk->size & kBeforeUsed) == 0) {
    const size_t before_bytes = chunk->before_bytes;
    chunk = chunk->At(0 - before_bytes);
    Check(chunk->bytes() == before_bytes && (chunk->size & kUsed) == 0);
    bytes += before_bytes;
    Remove(chunk);
  }
  const size_t first = chunk->size & kFirst;
  const bool whole = first != 0 && chunk->At(bytes)->bytes() == 0;
  if (whole && (empty_ != nullptr || bytes > kArenaBytes)) {
    bytes += Chunk::kHeaderBytes;
    arena_bytes_ -= bytes;
    munmap(chunk, bytes);
    return;
  }
  Insert(chunk, bytes, first);
  if (whole) empty_ = chunk;
}

// madvise() rounds the end up to the kernel's pages: to be sure that it is one
// already, they are the caller's. From 2 of them on, no end is before its
// begin.
void Heap::Trim(size_t page_bytes) {
  for (int list = ListOf(2 * page_bytes); list < kLists; ++list) {
    for (Chunk* chunk = lists_[list]; chunk != nullptr; chunk = chunk->next) {
      const uintptr_t begin = reinterpret_cast<uintptr_t>(chunk + 1);
      const uintptr_t end = reinterpret_cast<uintptr_t>(chunk) + chunk->bytes();
      const uintptr_t first = (begin + page_bytes - 1) & ~(page_bytes - 1);
      const uintptr_t bytes = (end & ~(page_bytes - 1)) - first;
      madvise(reinterpret_cast<void*>(first), bytes, MADV_DONTNEED);
    }
  }
}

size_t Heap::UsableBytes(const void* memory) {
  return Chunk::Of(memory)->bytes() - Chunk::kOverheadBytes;
}

}  // namespace ramet::agent
