#ifndef PARENT_PLATFORM_H_
#define PARENT_PLATFORM_H_

#include <string>
#include <string_view>

namespace ramet::parent {

struct Platform {
  std::string name;   // as bundles name it: "linux-x86_64"
  std::string uname;  // as `uname -sm` prints it: "Linux x86_64"
};

// The platforms that there are agents for, as bundles name them.
inline constexpr const char* kAgentPlatforms[] = {"linux-x86_64",
                                                  "linux-aarch64"};

inline bool HasAgent(std::string_view platform) {
  for (const char* each : kAgentPlatforms) {
    if (platform == each) return true;
  }
  return false;
}

// The platform that this program was built for.
Platform ThisPlatform();

}  // namespace ramet::parent

#endif  // PARENT_PLATFORM_H_
