#include "bench/samples.h"

#include <stdio.h>

#include <algorithm>

namespace ramet::bench {
namespace {

// The smallest sample that at least `percent` of them do not exceed.
double Percentile(const std::vector<int64_t>& sorted, size_t percent) {
  const size_t rank = (sorted.size() * percent + 99) / 100;
  return sorted[std::max<size_t>(rank, 1) - 1] / 1000.0;
}

}  // namespace

std::string Samples::ToJson() const {
  if (nanoseconds_.empty()) return "{\"count\": 0}";
  std::vector<int64_t> sorted = nanoseconds_;
  std::sort(sorted.begin(), sorted.end());
  char text[256];
  snprintf(text, sizeof text,
           "{\"count\": %zu, \"p50_us\": %.3f, \"p99_us\": %.3f, "
           "\"min_us\": %.3f, \"max_us\": %.3f}",
           sorted.size(), Percentile(sorted, 50), Percentile(sorted, 99),
           sorted.front() / 1000.0, sorted.back() / 1000.0);
  return text;
}

}  // namespace ramet::bench
