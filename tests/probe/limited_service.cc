#include "tests/probe/limited_service.h"

#include <atomic>

#include "tests/probe/open_service.h"

namespace ramet::probe {
namespace {

// What runs now, and the most that has.
class Gauge {
 public:
  void Enter() {
    const int64_t now = ++now_;
    int64_t peak = peak_;
    while (peak < now && !peak_.compare_exchange_weak(peak, now)) {
    }
  }
  void Leave() { --now_; }
  int64_t peak() const { return peak_; }

 private:
  std::atomic<int64_t> now_{0};
  std::atomic<int64_t> peak_{0};
};

class Inside {
 public:
  explicit Inside(Gauge* gauge) : gauge_(gauge) { gauge_->Enter(); }
  ~Inside() { gauge_->Leave(); }

 private:
  Gauge* const gauge_;
};

Gauge all;
Gauge one;

}  // namespace

int64_t Limited::peak() { return all.peak(); }

int64_t Limited::one_peak() { return one.peak(); }

absl::Status Limited::Echo(const stub::CallContext& context,
                           const ::probe::v1::EchoRequest& request,
                           ::probe::v1::EchoReply* reply) {
  const Inside inside(&all);
  return Open().Echo(context, request, reply);
}

absl::Status Limited::EchoStream(
    const stub::CallContext& context,
    stub::ServerReaderWriter<::probe::v1::EchoRequest, ::probe::v1::EchoReply>*
        stream) {
  const Inside inside(&all);
  return Open().EchoStream(context, stream);
}

absl::Status Limited::One(const stub::CallContext& context,
                          const ::probe::v1::EchoRequest& request,
                          ::probe::v1::EchoReply* reply) {
  const Inside inside(&all);
  const Inside alone(&one);
  return Open().Echo(context, request, reply);
}

}  // namespace ramet::probe
