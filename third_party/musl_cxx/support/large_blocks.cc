#include "third_party/musl_cxx/support/large_blocks.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "third_party/musl_cxx/support/block_sizes.h"
#include "third_party/musl_cxx/support/small_blocks.h"

namespace ramet::memory {
namespace {

// A message of 1 MiB in a string that has grown to hold it, with room for more.
constexpr size_t kLargestKeptBytes = 4 * 1024 * 1024;
// What a module keeps at most when it has nothing to do: eight calls with
// messages of 1 MiB are as fast as with glibc, which keeps more.
constexpr size_t kMostKeptBytes = 16 * 1024 * 1024;
constexpr int kMostKept = 32;

struct Kept {
  void* memory;
  int number;
};

// Guards what follows.
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
// The oldest first.
Kept kept[kMostKept];
int kept_count;
size_t kept_bytes;

void Remove(int index) {
  kept_bytes -= BlockBytes(kept[index].number);
  --kept_count;
  for (; index < kept_count; ++index) kept[index] = kept[index + 1];
}

// Frees all that is kept. False: there was nothing.
bool FreeKept() {
  void* freed[kMostKept];
  pthread_mutex_lock(&mutex);
  const int count = kept_count;
  for (int i = 0; i < count; ++i) freed[i] = kept[i].memory;
  kept_count = 0;
  kept_bytes = 0;
  pthread_mutex_unlock(&mutex);
  for (int i = 0; i < count; ++i) free(freed[i]);
  return count > 0;
}

// malloc, with what is kept where there is a limit (RLIMIT_DATA).
void* Malloc(size_t bytes) {
  void* memory = malloc(bytes);
  if (memory == nullptr && FreeKept()) memory = malloc(bytes);
  if (memory == nullptr && ReleaseSmall()) memory = malloc(bytes);
  return memory;
}

void LockForFork() { pthread_mutex_lock(&mutex); }
void UnlockAfterFork() { pthread_mutex_unlock(&mutex); }

// The first handlers of all but small_blocks', whose lock is taken after this
// one. fork(2) locks in the opposite order, so that a module's own handlers may
// allocate. There is no thread that holds both.
__attribute__((constructor(102))) void HandleForks() {
  pthread_atfork(LockForFork, UnlockAfterFork, UnlockAfterFork);
}

}  // namespace

void* AllocateLarge(size_t bytes) {
  if (bytes <= kLargestSmallBytes || bytes > kLargestKeptBytes) {
    return Malloc(bytes);
  }
  const int number = BlockNumber(bytes);
  void* memory = nullptr;
  pthread_mutex_lock(&mutex);
  for (int i = kept_count - 1; i >= 0 && memory == nullptr; --i) {
    if (kept[i].number != number) continue;
    memory = kept[i].memory;
    Remove(i);
  }
  pthread_mutex_unlock(&mutex);
  return memory != nullptr ? memory : Malloc(BlockBytes(number));
}

void FreeLarge(void* memory) {
  // musl's answer is what was asked for; others' may be more.
  const size_t bytes = memory == nullptr ? 0 : malloc_usable_size(memory);
  if (bytes <= kLargestSmallBytes || bytes > kLargestKeptBytes) {
    free(memory);
    return;
  }
  // What it is large enough for.
  int number = BlockNumber(bytes);
  if (BlockBytes(number) > bytes) --number;
  void* evicted[kMostKept];
  int evicted_count = 0;
  pthread_mutex_lock(&mutex);
  while (kept_count > 0 && (kept_count == kMostKept ||
                            kept_bytes + BlockBytes(number) > kMostKeptBytes)) {
    evicted[evicted_count++] = kept[0].memory;
    Remove(0);
  }
  kept[kept_count++] = {memory, number};
  kept_bytes += BlockBytes(number);
  pthread_mutex_unlock(&mutex);
  for (int i = 0; i < evicted_count; ++i) free(evicted[i]);
}

}  // namespace ramet::memory
