#include "third_party/musl_cxx/support/small_blocks.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "third_party/musl_cxx/support/block_sizes.h"

namespace ramet::memory {
namespace {

constexpr int kSizes = BlockNumber(kLargestSmallBytes) + 1;

// Address space for all of it. Memory is taken chunk by chunk.
constexpr size_t kAreaBytes = size_t{16} << 30;
constexpr size_t kChunkBytes = 64 * 1024;
constexpr size_t kChunks = kAreaBytes / kChunkBytes;

// What a thread keeps of one size at most, and how much it takes and gives back
// at once: half of that.
constexpr size_t kThreadBytes = 16 * 1024;
constexpr size_t kMostThreadBlocks = 128;
constexpr size_t kFewestThreadBlocks = 2;

struct Block {
  Block* next;
};

struct List {
  Block* first;
  size_t count;
};

constexpr size_t MostBlocks(int number) {
  const size_t fitting = kThreadBytes / BlockBytes(number);
  if (fitting > kMostThreadBlocks) return kMostThreadBlocks;
  return fitting < kFewestThreadBlocks ? kFewestThreadBlocks : fitting;
}

void Push(List* list, Block* block) {
  block->next = list->first;
  list->first = block;
  ++list->count;
}

Block* Pop(List* list) {
  Block* const block = list->first;
  list->first = block->next;
  --list->count;
  return block;
}

// Guards what follows, up to `free_counts`.
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
enum class Area : char { kNone, kReserved, kRefused } area_state;
size_t chunks_used;
List free_lists[kSizes];
// What is left of the chunk that blocks of a size are cut from.
struct Rest {
  uintptr_t next;
  uintptr_t end;
};
Rest rests[kSizes];

// 0 until it is reserved. Read without the lock: whoever has a block of the
// area knows it from whoever has allocated it.
uintptr_t area;
// Of each chunk, the number of its blocks' size, or kReleased.
uint8_t chunk_numbers[kChunks];
constexpr uint8_t kReleased = 255;
size_t chunks_released;
// Of each chunk, while ReleaseSmall runs. 0 otherwise.
uint16_t free_counts[kChunks];

size_t ChunkOf(const void* memory) {
  return (reinterpret_cast<uintptr_t>(memory) - area) / kChunkBytes;
}

enum class ThreadState : char { kNew, kKeeps, kEnded };
__thread ThreadState thread_state;
__thread List thread_lists[kSizes];
pthread_key_t thread_key;

void LockForFork() { pthread_mutex_lock(&mutex); }
void UnlockAfterFork() { pthread_mutex_unlock(&mutex); }

// Before any other: fork(2) locks in the opposite order, so that a module's own
// handlers may allocate. Priorities up to 100 are the compiler's.
__attribute__((constructor(101))) void HandleForks() {
  pthread_atfork(LockForFork, UnlockAfterFork, UnlockAfterFork);
}

void GiveBack(int number, size_t count) {
  List* const list = &thread_lists[number];
  pthread_mutex_lock(&mutex);
  for (; count > 0; --count) Push(&free_lists[number], Pop(list));
  pthread_mutex_unlock(&mutex);
}

// Whether the thread may keep blocks. The area is reserved.
bool Keeps() {
  if (__builtin_expect(thread_state == ThreadState::kNew, 0)) {
    // Any value that is not null makes the thread's end call EndThread.
    thread_state = pthread_setspecific(thread_key, &thread_key) == 0
                       ? ThreadState::kKeeps
                       : ThreadState::kEnded;
  }
  return thread_state == ThreadState::kKeeps;
}

void EndThread(void*) {
  // Destructors that run after this one allocate and free without keeping.
  thread_state = ThreadState::kEnded;
  for (int number = 0; number < kSizes; ++number) {
    GiveBack(number, thread_lists[number].count);
  }
}

// The lock is held.
void Reserve() {
  area_state = Area::kRefused;
  void* const memory = mmap(nullptr, kAreaBytes + kChunkBytes, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  // A page is used as it is needed, not 2 MiB for the first byte.
  madvise(memory, kAreaBytes + kChunkBytes, MADV_NOHUGEPAGE);
  const uintptr_t begin =
      (reinterpret_cast<uintptr_t>(memory) + kChunkBytes - 1) &
      ~(kChunkBytes - 1);
  if (pthread_key_create(&thread_key, EndThread) != 0) return;
  area_state = Area::kReserved;
  __atomic_store_n(&area, begin, __ATOMIC_RELAXED);
}

// The index of a chunk that has no blocks yet, or kChunks. The lock is held.
size_t FindChunk() {
  if (chunks_released == 0) return chunks_used;
  const void* const found = memchr(chunk_numbers, kReleased, chunks_used);
  return static_cast<const uint8_t*>(found) - chunk_numbers;
}

// A block that was never used, or null. The lock is held.
Block* Cut(int number) {
  const size_t bytes = BlockBytes(number);
  Rest* const rest = &rests[number];
  if (rest->end - rest->next < bytes) {
    const size_t index = FindChunk();
    if (index == kChunks) return nullptr;
    const uintptr_t chunk = area + index * kChunkBytes;
    if (mprotect(reinterpret_cast<void*>(chunk), kChunkBytes,
                 PROT_READ | PROT_WRITE) != 0) {
      return nullptr;
    }
    if (index == chunks_used) {
      ++chunks_used;
    } else {
      --chunks_released;
    }
    chunk_numbers[index] = static_cast<uint8_t>(number);
    *rest = {chunk, chunk + kChunkBytes};
  }
  Block* const block = reinterpret_cast<Block*>(rest->next);
  rest->next += bytes;
  return block;
}

Block* Refill(int number) {
  Block* block = nullptr;
  pthread_mutex_lock(&mutex);
  if (area_state == Area::kNone) Reserve();
  if (area_state == Area::kReserved) {
    List* const free = &free_lists[number];
    block = free->first != nullptr ? Pop(free) : Cut(number);
    if (Keeps()) {
      List* const kept = &thread_lists[number];
      for (size_t more = MostBlocks(number) / 2;
           more > 1 && free->first != nullptr; --more) {
        Push(kept, Pop(free));
      }
    }
  }
  pthread_mutex_unlock(&mutex);
  return block;
}

}  // namespace

void* AllocateSmall(size_t bytes) {
  const int number = BlockNumber(bytes);
  List* const kept = &thread_lists[number];
  if (__builtin_expect(kept->first != nullptr, 1)) return Pop(kept);
  return Refill(number);
}

bool IsSmall(const void* memory) {
  const uintptr_t begin = __atomic_load_n(&area, __ATOMIC_RELAXED);
  return begin != 0 && reinterpret_cast<uintptr_t>(memory) - begin < kAreaBytes;
}

void FreeSmall(void* memory) {
  Block* const block = static_cast<Block*>(memory);
  const int number = chunk_numbers[ChunkOf(memory)];
  if (__builtin_expect(!Keeps(), 0)) {
    pthread_mutex_lock(&mutex);
    Push(&free_lists[number], block);
    pthread_mutex_unlock(&mutex);
    return;
  }
  List* const kept = &thread_lists[number];
  Push(kept, block);
  if (kept->count > MostBlocks(number)) GiveBack(number, kept->count / 2);
}

bool ReleaseSmall() {
  pthread_mutex_lock(&mutex);
  const size_t before = chunks_released;
  for (int number = 0; number < kSizes; ++number) {
    const size_t all = kChunkBytes / BlockBytes(number);
    List* const list = &free_lists[number];
    for (const Block* block = list->first; block != nullptr;
         block = block->next) {
      ++free_counts[ChunkOf(block)];
    }
    List left = {};
    while (list->first != nullptr) {
      Block* const block = Pop(list);
      if (free_counts[ChunkOf(block)] != all) Push(&left, block);
    }
    *list = left;
  }
  for (size_t index = 0; index < chunks_used; ++index) {
    const uint8_t number = chunk_numbers[index];
    if (number != kReleased &&
        free_counts[index] == kChunkBytes / BlockBytes(number)) {
      void* const chunk = reinterpret_cast<void*>(area + index * kChunkBytes);
      madvise(chunk, kChunkBytes, MADV_DONTNEED);
      // So that it counts for no limit. It may be refused: then it does.
      mprotect(chunk, kChunkBytes, PROT_NONE);
      chunk_numbers[index] = kReleased;
      ++chunks_released;
    }
    free_counts[index] = 0;
  }
  const bool any = chunks_released > before;
  pthread_mutex_unlock(&mutex);
  return any;
}

}  // namespace ramet::memory
