// libc's functions for bytes and strings, as small as they can be. Compiled
// without link-time optimisation, as the compiler makes calls of them by
// itself.

#include <stddef.h>
#include <stdint.h>

extern "C" {

void* memset(void* to, int byte, size_t bytes) {
#if defined(__x86_64__)
  void* end = to;
  asm volatile("rep stosb" : "+D"(end), "+c"(bytes) : "a"(byte) : "memory");
#else
  uint8_t* next = static_cast<uint8_t*>(to);
  const uint64_t pattern = 0x0101010101010101 * static_cast<uint8_t>(byte);
  for (; bytes >= sizeof pattern; bytes -= sizeof pattern) {
    __builtin_memcpy(next, &pattern, sizeof pattern);
    next += sizeof pattern;
  }
  while (bytes-- != 0) *next++ = static_cast<uint8_t>(byte);
#endif
  return to;
}

void* memcpy(void* __restrict__ to, const void* __restrict__ from,
             size_t bytes) {
#if defined(__x86_64__)
  void* end = to;
  asm volatile("rep movsb" : "+D"(end), "+S"(from), "+c"(bytes) : : "memory");
#else
  uint8_t* next = static_cast<uint8_t*>(to);
  const uint8_t* source = static_cast<const uint8_t*>(from);
  for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t)) {
    uint64_t word;
    __builtin_memcpy(&word, source, sizeof word);
    __builtin_memcpy(next, &word, sizeof word);
    next += sizeof word;
    source += sizeof word;
  }
  while (bytes-- != 0) *next++ = *source++;
#endif
  return to;
}

void* memmove(void* to, const void* from, size_t bytes) {
  uint8_t* const begin = static_cast<uint8_t*>(to);
  const uint8_t* const source = static_cast<const uint8_t*>(from);
  // Forwards, unless that would read what it has written.
  if (static_cast<size_t>(begin - source) >= bytes) {
    return memcpy(to, from, bytes);
  }
  while (bytes-- != 0) begin[bytes] = source[bytes];
  return to;
}

int memcmp(const void* one, const void* other, size_t bytes) {
  const uint8_t* left = static_cast<const uint8_t*>(one);
  const uint8_t* right = static_cast<const uint8_t*>(other);
  for (; bytes != 0; --bytes, ++left, ++right) {
    if (*left != *right) return *left - *right;
  }
  return 0;
}

void* memchr(const void* bytes, int byte, size_t count) {
  const uint8_t* next = static_cast<const uint8_t*>(bytes);
  for (; count != 0; --count, ++next) {
    if (*next == static_cast<uint8_t>(byte)) return const_cast<uint8_t*>(next);
  }
  return nullptr;
}

size_t strlen(const char* text) {
  size_t length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

int strncmp(const char* one, const char* other, size_t bytes) {
  for (; bytes != 0; --bytes, ++one, ++other) {
    const int difference =
        static_cast<uint8_t>(*one) - static_cast<uint8_t>(*other);
    if (difference != 0 || *one == '\0') return difference;
  }
  return 0;
}

int strcmp(const char* one, const char* other) {
  return strncmp(one, other, SIZE_MAX);
}

size_t strcspn(const char* text, const char* set) {
  size_t length = 0;
  for (; text[length] != '\0'; ++length) {
    for (const char* stop = set; *stop != '\0'; ++stop) {
      if (text[length] == *stop) return length;
    }
  }
  return length;
}

}  // extern "C"
