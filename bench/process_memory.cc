#include "bench/process_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

namespace ramet::bench {
namespace {

[[noreturn]] void Give(const std::string& what) {
  fprintf(stderr, "ramet_bench: %s\n", what.c_str());
  exit(1);
}

std::string ProcPath(pid_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

long StatusKib(pid_t pid, const std::string& field) {
  const std::string path = ProcPath(pid, "status");
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, field.size(), field) == 0) {
      return atol(line.c_str() + field.size());
    }
  }
  Give("no " + field + " in " + path);
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  const std::string thread = std::to_string(pid);
  std::ifstream file(ProcPath(pid, ("task/" + thread + "/children").c_str()));
  std::vector<pid_t> children;
  for (pid_t child; file >> child;) children.push_back(child);
  return children;
}

}  // namespace

ChainProcesses FindChain(server::Master* master, const std::string& target) {
  ChainProcesses chain;
  // A context's name begins with its parent's.
  for (const server::ContextInfo& info : master->List()) {
    if (target.compare(0, info.name.size(), info.name) != 0) continue;
    chain.agents.push_back(static_cast<pid_t>(info.hello.pid));
    if (info.name == target) {
      chain.modules = ChildrenOf(static_cast<pid_t>(info.hello.pid));
    }
  }
  if (chain.agents.empty() || chain.modules.empty()) {
    Give("the processes of " + target + " were not found");
  }
  return chain;
}

MemoryGrowth::MemoryGrowth(ChainProcesses chain) : master_{Watch(getpid())} {
  for (const pid_t pid : chain.agents) agents_.push_back(Watch(pid));
  for (const pid_t pid : chain.modules) modules_.push_back(Watch(pid));
}

std::string MemoryGrowth::ToJson() const {
  std::ostringstream out;
  out << "{\"master_kib\": " << Growth(master_)
      << ", \"agent_kib\": " << Growth(agents_)
      << ", \"module_kib\": " << Growth(modules_) << "}";
  return out.str();
}

MemoryGrowth::Watched MemoryGrowth::Watch(pid_t pid) {
  // 5: the peak begins anew, at what is resident now.
  std::ofstream(ProcPath(pid, "clear_refs")) << 5 << std::endl;
  return {pid, StatusKib(pid, "VmRSS:")};
}

long MemoryGrowth::Growth(const std::vector<Watched>& processes) {
  long most = 0;
  for (const Watched& each : processes) {
    most = std::max(most, StatusKib(each.pid, "VmHWM:") - each.before_kib);
  }
  return most;
}

}  // namespace ramet::bench
