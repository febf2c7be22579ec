#include "server/metrics_page.h"

#include <limits>
#include <string>
#include <utility>

namespace ramet::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr double kUsPerSecond = 1e6;

constexpr const char* kCodeNames[CallMetrics::kCodes] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

MetricFamily Family(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

void AddCounter(Labels labels, uint64_t value, MetricFamily* family) {
  ClientMetric& metric = family->metric.emplace_back();
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
}

void AddGauge(Labels labels, double value, MetricFamily* family) {
  ClientMetric& metric = family->metric.emplace_back();
  metric.label = std::move(labels);
  metric.gauge.value = value;
}

ClientMetric Times(const CallMetrics::Figures& figures) {
  ClientMetric metric;
  metric.label = {{"method", figures.method}};
  uint64_t count = 0;
  for (size_t i = 0; i < figures.by_bucket.size(); ++i) {
    count += figures.by_bucket[i];
    const double bound =
        i < CallMetrics::kBucketsUs.size()
            ? static_cast<double>(CallMetrics::kBucketsUs[i]) / kUsPerSecond
            : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({count, bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum =
      static_cast<double>(figures.total_us) / kUsPerSecond;
  return metric;
}

}  // namespace

std::vector<MetricFamily> MetricsPage::Collect() const {
  std::vector<MetricFamily> families;
  AddCalls(&families);
  AddLinks(&families);
  AddDoor(&families);
  return families;
}

void MetricsPage::AddCalls(std::vector<MetricFamily>* families) const {
  MetricFamily ended = Family("ramet_calls_total", "Calls that have ended.",
                              MetricType::Counter);
  MetricFamily running = Family("ramet_calls_in_flight",
                                "Calls that are at work.", MetricType::Gauge);
  MetricFamily times = Family(
      "ramet_call_duration_seconds",
      "From a call's start in the master to its end, a connect included.",
      MetricType::Histogram);
  for (const CallMetrics::Figures& figures : calls_->Collect()) {
    for (size_t i = 0; i < figures.by_code.size(); ++i) {
      if (figures.by_code[i] == 0) continue;
      AddCounter({{"method", figures.method}, {"code", kCodeNames[i]}},
                 figures.by_code[i], &ended);
    }
    AddGauge({{"method", figures.method}},
             static_cast<double>(figures.in_flight), &running);
    times.metric.push_back(Times(figures));
  }
  families->push_back(std::move(ended));
  families->push_back(std::move(running));
  families->push_back(std::move(times));
}

void MetricsPage::AddLinks(std::vector<MetricFamily>* families) const {
  const auto links = master_->Links("master");
  if (!links.ok()) return;
  MetricFamily count =
      Family("ramet_links", "Links of the master.", MetricType::Gauge);
  AddGauge({}, static_cast<double>(links->size()), &count);
  MetricFamily frames = Family("ramet_link_frames_total", "Frames on a link.",
                               MetricType::Counter);
  MetricFamily bytes =
      Family("ramet_link_bytes_total", "Bytes on a link.", MetricType::Counter);
  MetricFamily drops =
      Family("ramet_link_dropped_frames_total",
             "Frames that were dropped: forged source, route of others, full "
             "queue.",
             MetricType::Counter);
  MetricFamily queued = Family("ramet_link_queued_bytes",
                               "What waits to be written.", MetricType::Gauge);
  for (const core::LinkInfo& link : *links) {
    // The id makes it unique: a link that is lost and made anew has another.
    const Labels labels = {{"link", link.name},
                           {"id", std::to_string(link.peer_id)}};
    const auto with = [&labels](const char* name, const char* value) {
      Labels more = labels;
      more.push_back({name, value});
      return more;
    };
    AddCounter(with("direction", "in"), link.frames_in, &frames);
    AddCounter(with("direction", "out"), link.frames_out, &frames);
    AddCounter(with("direction", "in"), link.bytes_in, &bytes);
    AddCounter(with("direction", "out"), link.bytes_out, &bytes);
    AddCounter(with("reason", "source"), link.refused_sources, &drops);
    AddCounter(with("reason", "route"), link.refused_routes, &drops);
    AddCounter(with("reason", "full"), link.refused_full, &drops);
    AddGauge(labels, static_cast<double>(link.queued_bytes), &queued);
  }
  for (MetricFamily* family : {&count, &frames, &bytes, &drops, &queued}) {
    families->push_back(std::move(*family));
  }
}

void MetricsPage::AddDoor(std::vector<MetricFamily>* families) const {
  const FrontDoor::Figures figures = door_->GetFigures();
  MetricFamily contexts =
      Family("ramet_contexts", "Contexts by state.", MetricType::Gauge);
  AddGauge({{"state", "ready"}}, figures.contexts_ready, &contexts);
  AddGauge({{"state", "connecting"}}, figures.contexts_connecting, &contexts);
  MetricFamily refused =
      Family("ramet_door_refused_calls_total",
             "Calls that the front door did not let in.", MetricType::Counter);
  AddCounter({{"reason", "policy"}}, figures.refused_by_policy, &refused);
  AddCounter({{"reason", "draining"}}, figures.refused_while_draining,
             &refused);
  MetricFamily streams = Family(
      "ramet_door_streams",
      "Open streams of Watch, Logs, health and reflection.", MetricType::Gauge);
  AddGauge({}, figures.open_streams, &streams);
  MetricFamily lines = Family("ramet_log_lines_dropped_total",
                              "Lines that a reader of Logs was too slow for.",
                              MetricType::Counter);
  AddCounter({}, figures.log_lines_dropped, &lines);
  MetricFamily draining = Family("ramet_door_draining",
                                 "1 while the door ends.", MetricType::Gauge);
  AddGauge({}, figures.draining ? 1 : 0, &draining);
  for (MetricFamily* family :
       {&contexts, &refused, &streams, &lines, &draining}) {
    families->push_back(std::move(*family));
  }
}

}  // namespace ramet::server
