#include "core/base/check.h"

#include <stdio.h>
#include <stdlib.h>

namespace ramet::core {

void CheckFailed(const char* file, int line, const char* text) {
  dprintf(2, "ramet: %s:%d: check failed: %s\n", file, line, text);
  abort();
}

}  // namespace ramet::core
