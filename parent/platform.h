#ifndef PARENT_PLATFORM_H_
#define PARENT_PLATFORM_H_

#include <string>

namespace ramet::parent {

struct Platform {
  std::string name;   // as bundles name it: "linux-x86_64"
  std::string uname;  // as `uname -sm` prints it: "Linux x86_64"
};

// The platform that this program was built for.
Platform ThisPlatform();

}  // namespace ramet::parent

#endif  // PARENT_PLATFORM_H_
