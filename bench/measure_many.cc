#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "bench/ramet_commands.h"
#include "bench/session.h"

namespace ramet::bench {
namespace {

// Connect blocks; so many at a time keep the loop busy.
constexpr int kThreads = 16;

}  // namespace

void StayMany(const Arguments& arguments) {
  Session session(arguments);
  const int count = arguments.Number("count");
  std::atomic<int> next{0};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int number = next++; number < count; number = next++) {
        CheckOk(session.master()
                    ->Connect("local:" + std::to_string(number))
                    .status(),
                "cannot connect");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  printf("{\"seconds\": %.3f, \"master_pid\": %d, \"pids\": [", seconds,
         getpid());
  const char* separator = "";
  for (const server::ContextInfo& info : session.master()->List()) {
    printf("%s%u", separator, info.hello.pid);
    separator = ", ";
  }
  printf("]}\n");
  fflush(stdout);
  while (getchar() != EOF) {
  }
}

}  // namespace ramet::bench
