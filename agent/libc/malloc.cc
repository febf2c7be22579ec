// malloc(3) and its family of agent/libc/heap.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "agent/libc/heap.h"

namespace {

ramet::agent::Heap heap;

}  // namespace

extern "C" {

void* malloc(size_t bytes) {
  void* const memory = heap.Allocate(bytes);
  if (memory == nullptr) errno = ENOMEM;
  return memory;
}

void free(void* memory) { heap.Free(memory); }

void* calloc(size_t count, size_t bytes) {
  size_t all = 0;
  void* const memory =
      __builtin_mul_overflow(count, bytes, &all) ? nullptr : malloc(all);
  return memory == nullptr ? nullptr : memset(memory, 0, all);
}

void* realloc(void* memory, size_t bytes) {
  void* const moved = malloc(bytes);
  if (moved == nullptr || memory == nullptr) return moved;
  const size_t before = ramet::agent::Heap::UsableBytes(memory);
  memcpy(moved, memory, before < bytes ? before : bytes);
  free(memory);
  return moved;
}

// glibc's, malloc_trim(3).
int malloc_trim(size_t) {
  heap.Trim(getauxval(AT_PAGESZ));
  return 1;
}

char* strdup(const char* text) {
  const size_t bytes = strlen(text) + 1;
  void* const copy = malloc(bytes);
  return copy == nullptr ? nullptr
                         : static_cast<char*>(memcpy(copy, text, bytes));
}

}  // extern "C"
