// glibc's fortified functions: what Debian's libraries were compiled to call
// where the compiler knew how large the destination is.

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace {

// What glibc says, too.
[[noreturn]] void Overflow() {
  static constexpr char kText[] = "*** buffer overflow detected ***\n";
  (void)!write(STDERR_FILENO, kText, sizeof(kText) - 1);
  abort();
}

}  // namespace

// Not checked: %n in formats that can be written to, for which glibc has
// `flag`.
extern "C" {

void* __memcpy_chk(void* to, const void* from, size_t n, size_t room) {
  if (n > room) Overflow();
  return memcpy(to, from, n);
}

int __vsnprintf_chk(char* to, size_t n, int, size_t room, const char* format,
                    va_list arguments) {
  if (n > room) Overflow();
  return vsnprintf(to, n, format, arguments);
}

int __snprintf_chk(char* to, size_t n, int, size_t room, const char* format,
                   ...) {
  if (n > room) Overflow();
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(to, n, format, arguments);
  va_end(arguments);
  return length;
}

int __sprintf_chk(char* to, int, size_t room, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = room > INT_MAX ? vsprintf(to, format, arguments)
                                    : vsnprintf(to, room, format, arguments);
  va_end(arguments);
  if (length >= 0 && static_cast<size_t>(length) >= room) Overflow();
  return length;
}

int __fprintf_chk(FILE* file, int, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = vfprintf(file, format, arguments);
  va_end(arguments);
  return length;
}

}  // extern "C"
