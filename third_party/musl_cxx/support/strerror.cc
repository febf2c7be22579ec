// strerror_r as Debian's libraries call it: GNU's, which returns the text. The
// linker sends all calls of this name here; what is compiled with musl's
// headers calls POSIX's by another (include/string.h).

#include <string.h>

extern "C" char* __wrap_strerror_r(int number, char*, size_t) {
  // musl's texts are constants.
  return strerror(number);
}
