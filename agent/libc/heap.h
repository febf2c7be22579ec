#ifndef AGENT_LIBC_HEAP_H_
#define AGENT_LIBC_HEAP_H_

#include <stddef.h>
#include <stdint.h>

namespace ramet::agent {

// The agent's heap: what malloc(3) and free(3) are made of there. One thread.
//
// Memory comes from the kernel in arenas and goes back when an arena is free
// again; one empty arena of the usual size is kept. An arena is a row of
// chunks, each with its size before it and, when it is free, behind its end, so
// that neighbours join at once. Free chunks are in lists by size, two for each
// power of 2; a request takes the first that fits of a few in its own list,
// else any of the next list that has one: both take the same time however many
// there are (as in TLSF, Masmano et al., 2004).
//
// A chunk that is freed twice, or whose neighbourhood was written over, is
// noticed in most cases when it is freed, and ends the process.
class Heap {
 public:
  // What one arena has room for, less the overhead. Larger requests get an
  // arena of their own.
  static constexpr size_t kArenaBytes = 256 * 1024;

  // Memory for `bytes`, at a multiple of 16; null: the kernel has none.
  void* Allocate(size_t bytes);

  // What Allocate gave, or null.
  void Free(void* memory);

  // Gives the pages of free chunks back, but not their addresses.
  // `page_bytes`: the kernel's (AT_PAGESZ), a power of 2.
  void Trim(size_t page_bytes);

  // How many bytes may be used there: at least as many as were asked for.
  static size_t UsableBytes(const void* memory);

  // What the kernel has given and not got back.
  size_t arena_bytes() const { return arena_bytes_; }

 private:
  struct Chunk;

  static int ListOf(size_t bytes);
  Chunk* Find(size_t bytes);
  Chunk* AddArena(size_t bytes);
  void Insert(Chunk* chunk, size_t bytes, size_t first);
  void Remove(Chunk* chunk);

  static constexpr int kLists = 64;
  Chunk* lists_[kLists] = {};
  uint64_t filled_ = 0;  // a bit for each list that is not empty
  Chunk* empty_ = nullptr;
  size_t arena_bytes_ = 0;
};

}  // namespace ramet::agent

#endif  // AGENT_LIBC_HEAP_H_
