#ifndef BENCH_SAMPLES_H_
#define BENCH_SAMPLES_H_

#include <stddef.h>
#include <stdint.h>

#include <chrono>
#include <string>
#include <vector>

namespace ramet::bench {

// Durations of one thing that was done many times. Not thread-safe.
class Samples {
 public:
  explicit Samples(size_t expected) { nanoseconds_.reserve(expected); }

  // Runs `action` and takes its time; returns what it returns.
  template <typename Action>
  auto Time(Action&& action) {
    const auto begin = std::chrono::steady_clock::now();
    auto result = action();
    Add(std::chrono::steady_clock::now() - begin);
    return result;
  }
  void Add(std::chrono::steady_clock::duration duration) {
    nanoseconds_.push_back(
        std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
  }

  // {"count": 3, "p50_us": 1.5, "p99_us": ..., "min_us": ..., "max_us": ...}
  // Nothing was measured: the count alone.
  std::string ToJson() const;

 private:
  std::vector<int64_t> nanoseconds_;
};

}  // namespace ramet::bench

#endif  // BENCH_SAMPLES_H_
