#ifndef THIRD_PARTY_MUSL_CXX_SUPPORT_SMALL_BLOCKS_H_
#define THIRD_PARTY_MUSL_CXX_SUPPORT_SMALL_BLOCKS_H_

#include <stddef.h>

// Memory for small C++ objects, because musl's malloc has one lock for all
// threads and gives pages back to the kernel as soon as they are empty, only to
// ask for them again.
//
// Blocks of one size are cut from chunks, and stay blocks of that size until
// the whole chunk is free and memory runs out. Each
// thread keeps some free ones, for which it needs no lock; the others are in
// lists of the process. All threads may call all of it, a child after fork(2)
// too, and destructors at a thread's end.
//
// What is free is used again, but not given back to the kernel otherwise.
namespace ramet::memory {

// Larger ones are not for here.
inline constexpr size_t kLargestSmallBytes = 32 * 1024;

// At least `bytes`, at most kLargestSmallBytes, aligned to 16. Null when the
// kernel gives no memory, or no address space (16 GiB are reserved).
void* AllocateSmall(size_t bytes);

// Whether `memory` was allocated above.
bool IsSmall(const void* memory);

// `memory` IsSmall.
void FreeSmall(void* memory);

// Gives chunks back to the kernel whose blocks are all free and kept by no
// thread: when there is no other memory. Looks at every free block. False:
// there were none.
bool ReleaseSmall();

}  // namespace ramet::memory

#endif  // THIRD_PARTY_MUSL_CXX_SUPPORT_SMALL_BLOCKS_H_
