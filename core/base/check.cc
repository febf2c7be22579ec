#include "core/base/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/base/strings.h"

namespace ramet::core {

void CheckFailed(const char* file, int line, const char* text) {
  const std::string message =
      Concat({"ramet: ", file, ":", line, ": check failed: ", text, "\n"});
  (void)!write(STDERR_FILENO, message.data(), message.size());
  abort();
}

}  // namespace ramet::core
