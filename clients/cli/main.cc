// ramet: typed calls into contexts on other machines, from the command line.

#include <signal.h>
#include <stdio.h>

#include <string>
#include <vector>

#include "clients/cli/commands.h"
#include "clients/cli/flags.h"
#include "clients/cli/printable.h"
#include "core/wire/frame_header.h"

namespace {

constexpr int kWrongUsage = 2;
constexpr int kFailedCall = 64;  // plus the status code, as grpcurl does

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  const auto flags =
      ramet::cli::ParseFlags(std::vector<std::string>(argv + 1, argv + argc));
  if (!flags.ok()) {
    fprintf(stderr, "ramet: wrong usage: %s\ntry: ramet --help\n",
            std::string(flags.status().message()).c_str());
    return kWrongUsage;
  }
  if (flags->command == "help") {
    fputs(ramet::cli::kUsage, stdout);
    return 0;
  }
  if (flags->command == "version") {
    printf("ramet, protocol version %d\n", ramet::core::kProtocolVersion);
    return 0;
  }
  const absl::Status status =
      flags->command == "call"     ? ramet::cli::RunCall(*flags)
      : flags->command == "serve"  ? ramet::cli::RunServe(*flags)
      : flags->command == "module" ? ramet::cli::RunModule(*flags)
                                   : ramet::cli::RunContexts(*flags);
  if (status.ok()) return 0;
  fprintf(stderr, "ramet: %s: %s\n",
          absl::StatusCodeToString(status.code()).c_str(),
          ramet::cli::Printable(status.message()).c_str());
  return kFailedCall + static_cast<int>(status.code());
}
