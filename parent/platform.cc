#include "parent/platform.h"

namespace ramet::parent {

Platform ThisPlatform() {
#if defined(__linux__) && defined(__x86_64__)
  return {"linux-x86_64", "Linux x86_64"};
#elif defined(__linux__) && defined(__aarch64__)
  return {"linux-aarch64", "Linux aarch64"};
#else
#error "a platform that ramet does not know"
#endif
}

}  // namespace ramet::parent
