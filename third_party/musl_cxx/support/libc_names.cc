// Small things that Debian's libraries take from glibc and musl does not have.

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

extern "C" {

// libstdc++ counts references without atomic operations while it is true.
// Modules have threads.
char __libc_single_threaded = 0;

// std::random_device.
uint32_t arc4random() {
  uint32_t number;
  if (getentropy(&number, sizeof(number)) != 0) abort();
  return number;
}

}  // extern "C"
