#include "clients/cli/caller.h"

#include <stdio.h>

#include <algorithm>
#include <utility>

#include "clients/cli/embedded_caller.h"
#include "clients/cli/printable.h"
#include "clients/cli/remote_caller.h"

namespace ramet::cli {

absl::StatusOr<std::unique_ptr<Caller>> MakeCaller(const Flags& flags) {
  if (!flags.master.empty()) return RemoteCaller::Create(flags);
  return EmbeddedCaller::Create(flags);
}

absl::StatusOr<std::unique_ptr<server::Master>> MakeMaster(
    const Flags& flags, server::MasterOptions options) {
  options.module_idle = flags.module_idle;
  options.heartbeat.interval_ms =
      static_cast<uint32_t>(absl::ToInt64Milliseconds(flags.heartbeat));
  options.unidirectional = flags.unidirectional;
  options.log_level = static_cast<core::LogLevel>(flags.log_level);
  if (!flags.quiet) {
    options.log = [](const server::LogLine& line) {
      fprintf(stderr, "[%s] %s: %s\n", line.context.c_str(),
              PrintableLine(line.source).c_str(),
              PrintableLine(line.text).c_str());
    };
  }
  auto master = server::Master::Create(std::move(options));
  if (!master.ok()) return master.status();
  for (const std::string& module : flags.modules) {
    const absl::Status status = (*master)->LoadModuleFile(module);
    if (!status.ok()) return status;
  }
  return master;
}

server::ConnectOptions MakeConnectOptions(const Flags& flags) {
  server::ConnectOptions options;
  options.ssh = flags.ssh;
  options.cache_dir = flags.cache;
  options.timeout = std::min(options.timeout, flags.deadline);
  return options;
}

}  // namespace ramet::cli
