#include "stub/broken_link.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

namespace ramet::stub {
namespace {

constexpr int kExitProtocolViolation = 1;

}  // namespace

void ExitAtOnce(int status) { _exit(status); }

void BrokenLink(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  dprintf(STDERR_FILENO, "ramet module: broken link: %s\n", text);
  ExitAtOnce(kExitProtocolViolation);
}

}  // namespace ramet::stub
