#include "server/metrics_exporter.h"

#include <prometheus/exposer.h>

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/listen_address.h"

namespace ramet::server {

absl::StatusOr<std::unique_ptr<MetricsExporter>> MetricsExporter::Start(
    const std::string& address,
    std::shared_ptr<prometheus::Collectable> metrics) {
  absl::StatusOr<ListenAddress> parsed = ParseHostPort(address);
  if (!parsed.ok()) return parsed.status();
  if (parsed->host != "127.0.0.1" && parsed->host != "::1") {
    return absl::InvalidArgumentError(absl::StrCat(
        "metrics are served on 127.0.0.1:PORT or [::1]:PORT only, not on ",
        address));
  }
  std::unique_ptr<prometheus::Exposer> exposer;
  // The library's only way to say that it can't listen.
  try {
    exposer = std::make_unique<prometheus::Exposer>(address);
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on ", address, ": ", error.what()));
  }
  exposer->RegisterCollectable(metrics);
  const std::vector<int> ports = exposer->GetListeningPorts();
  if (!ports.empty()) parsed->port = static_cast<uint16_t>(ports[0]);
  // Without "tcp:".
  return std::unique_ptr<MetricsExporter>(new MetricsExporter(
      parsed->ToString().substr(4), std::move(metrics), std::move(exposer)));
}

MetricsExporter::MetricsExporter(
    std::string address, std::shared_ptr<prometheus::Collectable> metrics,
    std::unique_ptr<prometheus::Exposer> exposer)
    : address_(std::move(address)),
      metrics_(std::move(metrics)),
      exposer_(std::move(exposer)) {}

MetricsExporter::~MetricsExporter() = default;

}  // namespace ramet::server
