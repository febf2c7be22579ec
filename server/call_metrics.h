#ifndef SERVER_CALL_METRICS_H_
#define SERVER_CALL_METRICS_H_

#include <stddef.h>
#include <stdint.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/base/clock.h"
#include "server/call_observer.h"

namespace ramet::server {

// Counts calls by method and code, and their times. Threads: any; a call costs
// one look-up under a shared lock and four atomic additions.
class CallMetrics final : public CallObserver {
 public:
  // Methods that have figures of their own; the rest share those of "other".
  // Each costs about 500 bytes, and a series in whoever reads them.
  static constexpr size_t kMaxMethods = 1000;
  // gRPC's codes, 0 to 16.
  static constexpr size_t kCodes = 17;
  // Upper bounds; the last bucket has none.
  static constexpr std::array<int64_t, 14> kBucketsUs = {
      50,     100,    250,     500,     1'000,     2'500,     5'000,
      10'000, 50'000, 100'000, 500'000, 1'000'000, 5'000'000, 30'000'000};

  explicit CallMetrics(const core::Clock* clock) : clock_(clock) {}

  Started OnCallStart(std::string_view method) override;
  void OnCallEnd(const Started& call, absl::StatusCode code) override;

  // The figures of one method now.
  struct Figures {
    std::string method;  // "demo.v1.Greeter/SayHello"
    uint64_t in_flight = 0;
    std::array<uint64_t, kCodes> by_code = {};
    std::array<uint64_t, kBucketsUs.size() + 1> by_bucket = {};
    uint64_t total_us = 0;
  };
  std::vector<Figures> Collect() const;

 private:
  struct Series {
    std::atomic<uint64_t> started{0};
    std::array<std::atomic<uint64_t>, kCodes> by_code = {};
    std::array<std::atomic<uint64_t>, kBucketsUs.size() + 1> by_bucket = {};
    std::atomic<uint64_t> total_us{0};
  };
  Series* FindOrAdd(std::string_view method);

  const core::Clock* const clock_;
  mutable absl::Mutex mutex_;
  // Series are never removed, so that calls may point at them.
  std::map<std::string, std::unique_ptr<Series>, std::less<>> series_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace ramet::server

#endif  // SERVER_CALL_METRICS_H_
