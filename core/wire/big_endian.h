#ifndef CORE_WIRE_BIG_ENDIAN_H_
#define CORE_WIRE_BIG_ENDIAN_H_

#include <stdint.h>
#include <string.h>

namespace ramet::core {

// Network byte order at any alignment.

inline void StoreBe16(char* out, uint16_t value) {
  value = __builtin_bswap16(value);
  memcpy(out, &value, sizeof value);
}

inline void StoreBe32(char* out, uint32_t value) {
  value = __builtin_bswap32(value);
  memcpy(out, &value, sizeof value);
}

inline uint16_t LoadBe16(const char* in) {
  uint16_t value;
  memcpy(&value, in, sizeof value);
  return __builtin_bswap16(value);
}

inline uint32_t LoadBe32(const char* in) {
  uint32_t value;
  memcpy(&value, in, sizeof value);
  return __builtin_bswap32(value);
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "every platform that ramet runs on is little-endian");

}  // namespace ramet::core

#endif  // CORE_WIRE_BIG_ENDIAN_H_
