// operator new and delete: libstdc++'s, but with memory of small_blocks and
// large_blocks. All the other forms call these two, but those with an
// alignment, which have malloc's memory. Weak: a module may have its own.

#include <new>

#include "third_party/musl_cxx/support/large_blocks.h"
#include "third_party/musl_cxx/support/small_blocks.h"

namespace memory = ramet::memory;

__attribute__((weak)) void* operator new(size_t bytes) {
  while (true) {
    void* block = nullptr;
    if (bytes <= memory::kLargestSmallBytes) {
      block = memory::AllocateSmall(bytes);
    }
    if (block == nullptr) block = memory::AllocateLarge(bytes);
    if (block != nullptr) return block;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

__attribute__((weak)) void operator delete(void* block) noexcept {
  if (memory::IsSmall(block)) {
    memory::FreeSmall(block);
  } else {
    memory::FreeLarge(block);
  }
}
