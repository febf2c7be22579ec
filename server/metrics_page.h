#ifndef SERVER_METRICS_PAGE_H_
#define SERVER_METRICS_PAGE_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "server/call_metrics.h"
#include "server/front_door.h"
#include "server/master.h"

namespace ramet::server {

// A master's and its front door's figures as Prometheus's metrics; their names
// are in docs/front_door.md. All three outlive it. Threads: any but the loop's;
// blocks for a turn of the loop.
class MetricsPage final : public prometheus::Collectable {
 public:
  MetricsPage(const CallMetrics* calls, Master* master, const FrontDoor* door)
      : calls_(calls), master_(master), door_(door) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  void AddCalls(std::vector<prometheus::MetricFamily>* families) const;
  void AddLinks(std::vector<prometheus::MetricFamily>* families) const;
  void AddDoor(std::vector<prometheus::MetricFamily>* families) const;

  const CallMetrics* const calls_;
  Master* const master_;
  const FrontDoor* const door_;
};

}  // namespace ramet::server

#endif  // SERVER_METRICS_PAGE_H_
