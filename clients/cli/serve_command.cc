#include <signal.h>
#include <stdio.h>

#include <memory>
#include <string>
#include <utility>

#include "clients/cli/caller.h"
#include "clients/cli/commands.h"
#include "clients/cli/printable.h"
#include "core/base/clock.h"
#include "server/call_metrics.h"
#include "server/front_door.h"
#include "server/metrics_exporter.h"
#include "server/metrics_page.h"

namespace ramet::cli {
namespace {

server::DoorOptions MakeDoorOptions(const Flags& flags) {
  server::DoorOptions options;
  options.connect = MakeConnectOptions(flags);
  options.listen = flags.listen;
  options.tls = {flags.tls_cert, flags.tls_key, flags.tls_client_ca};
  options.clients_file = flags.clients;
  options.keepalive = flags.keepalive;
  options.module_policy = [flags] { return MakeModulePolicy(flags); };
  return options;
}

void Reload(const Flags& flags, server::FrontDoor* door) {
  const absl::Status status = door->Reload(flags.modules);
  if (status.ok()) {
    fprintf(stderr, "ramet: reloaded bundles and clients\n");
  } else {
    fprintf(stderr, "ramet: not reloaded, what was loaded stays: %s\n",
            Printable(status.ToString()).c_str());
  }
}

}  // namespace

absl::Status RunServe(const Flags& flags) {
  // Blocked before any thread is there, so that sigwait gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  server::CallMetrics calls(core::Clock::Monotonic());
  server::MasterOptions options;
  options.keep_log = true;
  if (!flags.metrics.empty()) options.observer = &calls;
  auto master = MakeMaster(flags, std::move(options));
  if (!master.ok()) return master.status();
  auto door = server::FrontDoor::Listen(master->get(), MakeDoorOptions(flags));
  if (!door.ok()) return door.status();
  std::unique_ptr<server::MetricsExporter> metrics;
  if (!flags.metrics.empty()) {
    auto started = server::MetricsExporter::Start(
        flags.metrics, std::make_shared<server::MetricsPage>(
                           &calls, master->get(), door->get()));
    if (!started.ok()) return started.status();
    metrics = *std::move(started);
    fprintf(stderr, "ramet: metrics on http://%s/metrics\n",
            metrics->address().c_str());
  }
  for (const std::string& address : (*door)->addresses()) {
    fprintf(stderr, "ramet: listening on %s\n", address.c_str());
  }
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    Reload(flags, door->get());
  }
  // No new calls; those at work have the grace. A second signal ends that, but
  // one to reload, which comes too late.
  sigdelset(&signals, SIGHUP);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  (*door)->Drain(flags.grace);
  metrics.reset();
  door->reset();
  (*master)->DisconnectAll();
  return absl::OkStatus();
}

}  // namespace ramet::cli
