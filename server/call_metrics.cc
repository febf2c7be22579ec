#include "server/call_metrics.h"

#include <algorithm>

namespace ramet::server {
namespace {

constexpr char kOther[] = "other";
// A name that is longer is not one of a bundle's.
constexpr size_t kMaxNameBytes = 256;

void Add(std::atomic<uint64_t>* figure, uint64_t amount = 1) {
  figure->fetch_add(amount, std::memory_order_relaxed);
}

uint64_t Get(const std::atomic<uint64_t>& figure) {
  return figure.load(std::memory_order_relaxed);
}

}  // namespace

CallMetrics::Series* CallMetrics::FindOrAdd(std::string_view method) {
  if (!method.empty() && method[0] == '/') method.remove_prefix(1);
  if (method.size() > kMaxNameBytes) method = kOther;
  {
    absl::ReaderMutexLock lock(&mutex_);
    const auto it = series_.find(method);
    if (it != series_.end()) return it->second.get();
  }
  absl::MutexLock lock(&mutex_);
  const bool full = series_.size() >= kMaxMethods;
  auto& series = series_[full ? std::string(kOther) : std::string(method)];
  if (series == nullptr) series = std::make_unique<Series>();
  return series.get();
}

CallObserver::Started CallMetrics::OnCallStart(std::string_view method) {
  Series* const series = FindOrAdd(method);
  Add(&series->started);
  return {series, clock_->NowUs()};
}

void CallMetrics::OnCallEnd(const Started& call, absl::StatusCode code) {
  auto* const series = static_cast<Series*>(call.series);
  const int64_t us = std::max<int64_t>(clock_->NowUs() - call.start_us, 0);
  const size_t bucket =
      std::lower_bound(kBucketsUs.begin(), kBucketsUs.end(), us) -
      kBucketsUs.begin();
  const auto number = static_cast<size_t>(code);
  Add(&series->by_code[number < kCodes ? number : 2]);  // UNKNOWN
  Add(&series->by_bucket[bucket]);
  Add(&series->total_us, us);
}

std::vector<CallMetrics::Figures> CallMetrics::Collect() const {
  std::vector<Figures> result;
  absl::ReaderMutexLock lock(&mutex_);
  for (const auto& [method, series] : series_) {
    Figures& figures = result.emplace_back();
    figures.method = method;
    uint64_t ended = 0;
    // A call that ends meanwhile is seen in some of them only.
    for (size_t i = 0; i < kCodes; ++i) {
      figures.by_code[i] = Get(series->by_code[i]);
      ended += figures.by_code[i];
    }
    for (size_t i = 0; i < figures.by_bucket.size(); ++i) {
      figures.by_bucket[i] = Get(series->by_bucket[i]);
    }
    figures.total_us = Get(series->total_us);
    // After `ended`, so that it is never less.
    figures.in_flight = Get(series->started) - ended;
  }
  return result;
}

}  // namespace ramet::server
