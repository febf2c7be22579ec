#ifndef THIRD_PARTY_MUSL_CXX_SUPPORT_LARGE_BLOCKS_H_
#define THIRD_PARTY_MUSL_CXX_SUPPORT_LARGE_BLOCKS_H_

#include <stddef.h>

// Memory for buffers, from malloc. musl's maps each one, and unmaps it when it
// is free: a page fault for every 4 KiB of every message. So the last few are
// kept, until malloc has no more. All threads may call all of it.
namespace ramet::memory {

// Null when there is none.
void* AllocateLarge(size_t bytes);

// What was allocated above, or by malloc.
void FreeLarge(void* memory);

}  // namespace ramet::memory

#endif  // THIRD_PARTY_MUSL_CXX_SUPPORT_LARGE_BLOCKS_H_
