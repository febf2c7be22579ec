#ifndef BENCH_PROCESS_MEMORY_H_
#define BENCH_PROCESS_MEMORY_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "server/master.h"

namespace ramet::bench {

// How much memory the processes of a call's way take, in KiB (resident; proc(5)
// says how it is counted). Whatever can't be read ends the process.

// The processes of a chain: this one, the agents on the way to `target`, and
// the modules of the last one.
struct ChainProcesses {
  std::vector<pid_t> agents;
  std::vector<pid_t> modules;
};
ChainProcesses FindChain(server::Master* master, const std::string& target);

// How much each part has grown since it was made, at most: the kernel keeps
// the peak.
class MemoryGrowth {
 public:
  explicit MemoryGrowth(ChainProcesses chain);

  // {"master_kib": 1, "agent_kib": 2, "module_kib": 3}; of several agents or
  // modules, the one that has grown most.
  std::string ToJson() const;

 private:
  struct Watched {
    pid_t pid;
    long before_kib;
  };
  static Watched Watch(pid_t pid);
  static long Growth(const std::vector<Watched>& processes);

  std::vector<Watched> master_;
  std::vector<Watched> agents_;
  std::vector<Watched> modules_;
};

}  // namespace ramet::bench

#endif  // BENCH_PROCESS_MEMORY_H_
