#ifndef SERVER_METRICS_EXPORTER_H_
#define SERVER_METRICS_EXPORTER_H_

#include <prometheus/collectable.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace prometheus {
class Exposer;
}  // namespace prometheus

namespace ramet::server {

// Serves metrics over HTTP at /metrics, on a loopback address only: there is
// neither encryption nor a question who asks.
class MetricsExporter {
 public:
  // `address` is "127.0.0.1:PORT" or "[::1]:PORT"; port 0 is any that is free.
  // INVALID_ARGUMENT: no such address, or not a loopback one. UNAVAILABLE: the
  // port can't be had.
  static absl::StatusOr<std::unique_ptr<MetricsExporter>> Start(
      const std::string& address,
      std::shared_ptr<prometheus::Collectable> metrics);
  // Waits for those that are being answered.
  ~MetricsExporter();

  // With the port that the system chose.
  const std::string& address() const { return address_; }

 private:
  MetricsExporter(std::string address,
                  std::shared_ptr<prometheus::Collectable> metrics,
                  std::unique_ptr<prometheus::Exposer> exposer);

  const std::string address_;
  const std::shared_ptr<prometheus::Collectable> metrics_;
  const std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace ramet::server

#endif  // SERVER_METRICS_EXPORTER_H_
