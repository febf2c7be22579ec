#include "clients/cli/embedded_caller.h"

#include <stdio.h>

#include "absl/strings/str_cat.h"
#include "core/base/clock.h"

namespace ramet::cli {

absl::StatusOr<std::unique_ptr<Caller>> EmbeddedCaller::Create(
    const Flags& flags) {
  auto master = MakeMaster(flags);
  if (!master.ok()) return master.status();
  return std::unique_ptr<Caller>(new EmbeddedCaller(flags, *std::move(master)));
}

absl::StatusOr<std::string> EmbeddedCaller::Describe(
    const std::string& service) {
  const auto bundle = master_->modules().FindService(service);
  if (bundle == nullptr) {
    return absl::UnimplementedError(absl::StrCat("unknown service ", service,
                                                 flags_.modules.empty()
                                                     ? ": no --module was given"
                                                     : ": no --module has it"));
  }
  return bundle->manifest().file_descriptor_set();
}

absl::StatusOr<stub::Context> EmbeddedCaller::Open(const std::string& target) {
  server::ConnectOptions connect = MakeConnectOptions(flags_);
  stats_ = std::make_shared<parent::ConnectStats>();
  connect.stats = stats_;
  start_us_ = core::Clock::Monotonic()->NowUs();
  return master_->Open(target, connect);
}

void EmbeddedCaller::PrintStats() {
  const int64_t end_us = core::Clock::Monotonic()->NowUs();
  const uint64_t module_bytes = master_->module_bytes_sent();
  // Ends the loop's thread, which writes the figures.
  master_.reset();
  if (stats_ == nullptr) return;
  for (size_t i = 0; i < stats_->phases.size(); ++i) {
    const int64_t end =
        i + 1 < stats_->phases.size() ? stats_->phases[i + 1].start_us : end_us;
    fprintf(stderr, "stats: phase %-16s %9.3f ms\n", stats_->phases[i].name,
            (end - stats_->phases[i].start_us) / 1000.0);
  }
  fprintf(stderr, "stats: connect and call   %9.3f ms\n",
          (end_us - start_us_) / 1000.0);
  fprintf(stderr,
          "stats: bootstrap: %llu bytes sent, %llu bytes received, "
          "%u round trips\n",
          static_cast<unsigned long long>(stats_->bootstrap_bytes_sent),
          static_cast<unsigned long long>(stats_->bootstrap_bytes_received),
          stats_->bootstrap_round_trips);
  fprintf(stderr, "stats: modules: %llu bytes sent over the first link\n",
          static_cast<unsigned long long>(module_bytes));
  if (stats_->bytes_sent > 0) {
    fprintf(stderr,
            "stats: whole connection: %llu bytes sent, %llu bytes received, "
            "%u round trips\n",
            static_cast<unsigned long long>(stats_->bytes_sent),
            static_cast<unsigned long long>(stats_->bytes_received),
            stats_->round_trips);
  }
}

}  // namespace ramet::cli
