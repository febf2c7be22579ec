// module_latency MODULE [CALLS]: round trips to the probe module over a
// socketpair, without an agent. Pin it to one CPU with taskset(1) to leave the
// wake-ups across processors out. The module's processor time per call, which
// other load does not change, is printed beside the times.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/probe/fake_agent.h"

namespace {

constexpr char kMethod[] = "/probe.v1.Probe/Echo";
constexpr int kWindow = 64;

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000ll + now.tv_nsec;
}

// Processor time of the modules that have ended.
int64_t ModulesCpuNs() {
  rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000'000ll +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1'000ll;
}

// EchoRequest{payload: 100 bytes}
std::string Request() { return "\x0a\x64" + std::string(100, 'p'); }

void OneAtATime(ramet::probe::FakeAgent* agent, int calls) {
  std::vector<int64_t> times;
  for (int i = 0; i < calls; ++i) {
    const int64_t start = NowNs();
    agent->CallAndWait(kMethod, Request());
    times.push_back(NowNs() - start);
  }
  std::sort(times.begin(), times.end());
  printf("one at a time: p50 %.1f us, p90 %.1f us, p99 %.1f us",
         times[calls / 2] / 1e3, times[calls * 9 / 10] / 1e3,
         times[calls * 99 / 100] / 1e3);
}

void Pipelined(ramet::probe::FakeAgent* agent, int calls) {
  const int64_t start = NowNs();
  for (int i = 0; i < calls + kWindow; ++i) {
    if (i < calls) agent->Call(5000 + i, kMethod, Request());
    if (i >= kWindow) agent->WaitForReply();
  }
  printf("%d at a time: %.0f calls/s", kWindow,
         calls / ((NowNs() - start) / 1e9));
}

void Measure(const char* module, int calls,
             void (*measure)(ramet::probe::FakeAgent*, int)) {
  const int64_t before = ModulesCpuNs();
  ramet::probe::FakeAgent agent(module);
  agent.Greet();
  measure(&agent, calls);
  agent.CloseLink();
  agent.WaitForEnd();
  printf(", module %.1f us of processor time per call\n",
         (ModulesCpuNs() - before) / 1e3 / calls);
}

}  // namespace

int main(int argc, char** argv) {
  const int calls = argc > 2 ? atoi(argv[2]) : 20000;
  if (argc < 2 || calls < 1) {
    fprintf(stderr, "usage: module_latency MODULE [CALLS]\n");
    return 2;
  }
  Measure(argv[1], calls, &OneAtATime);
  Measure(argv[1], calls, &Pipelined);
  return 0;
}
