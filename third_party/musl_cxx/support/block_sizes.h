#ifndef THIRD_PARTY_MUSL_CXX_SUPPORT_BLOCK_SIZES_H_
#define THIRD_PARTY_MUSL_CXX_SUPPORT_BLOCK_SIZES_H_

#include <stddef.h>

// Sizes of memory blocks: every 16 bytes up to 128, then four to each doubling.
namespace ramet::memory {

// The size with this number: 16 for 0.
constexpr size_t BlockBytes(int number) {
  if (number < 8) return 16 * (static_cast<size_t>(number) + 1);
  return (static_cast<size_t>(number) % 4 + 5) << (number / 4 + 3);
}

// The number of the least size that is not less than `bytes`.
constexpr int BlockNumber(size_t bytes) {
  if (bytes <= 128) return bytes == 0 ? 0 : static_cast<int>(bytes - 1) / 16;
  const int doubling = 63 - __builtin_clzl(bytes - 1);
  return (doubling - 5) * 4 +
         static_cast<int>(((bytes - 1) >> (doubling - 2)) & 3);
}

}  // namespace ramet::memory

#endif  // THIRD_PARTY_MUSL_CXX_SUPPORT_BLOCK_SIZES_H_
