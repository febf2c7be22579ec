#ifndef AGENT_PROCESS_TITLE_H_
#define AGENT_PROCESS_TITLE_H_

#include <string_view>

namespace ramet::agent {

// What ps(1) shows for this process: "ramet: ssh:web1, child of master". Uses
// the memory of argv and the environment, which Init() moves elsewhere first;
// a longer title is cut. Main thread.
class ProcessTitle {
 public:
  // From main, before anybody has kept a pointer into argv or environ.
  static void Init(int argc, char** argv);
  static void Set(std::string_view title);
};

}  // namespace ramet::agent

#endif  // AGENT_PROCESS_TITLE_H_
