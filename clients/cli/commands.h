#ifndef CLIENTS_CLI_COMMANDS_H_
#define CLIENTS_CLI_COMMANDS_H_

#include "absl/status/status.h"
#include "clients/cli/flags.h"

namespace ramet::cli {

// One function per command; each prints its result on standard output and
// returns why there is none.

absl::Status RunCall(const Flags& flags);
absl::Status RunServe(const Flags& flags);
absl::Status RunContexts(const Flags& flags);
absl::Status RunModule(const Flags& flags);

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_COMMANDS_H_
