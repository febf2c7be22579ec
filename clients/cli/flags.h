#ifndef CLIENTS_CLI_FLAGS_H_
#define CLIENTS_CLI_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/wire/control.h"

namespace ramet::cli {

// A command line, parsed. The same flags for every command; a command ignores
// those that make no sense for it.
struct Flags {
  std::string command;  // "call", "serve", "contexts", "module", ...
  std::vector<std::string> arguments;
  std::vector<std::string> modules;
  std::string platform;    // of a call's target; empty: a guess
  std::string cache;       // a directory of each context's; empty: none
  uint32_t cache_mib = 0;  // 0: the default
  std::vector<std::string> signers;  // files of public keys
  std::string module_policy;         // a file
  std::vector<std::string> allow_modules;
  std::vector<std::string> deny_modules;
  std::vector<std::string> lock_signers;  // files of public keys
  uint32_t max_image_mib = 0;             // 0: the default
  std::string targets;                    // module load: for which contexts
  std::string signature;                  // module load: a file
  core::SshOptions ssh;
  absl::Duration deadline = absl::InfiniteDuration();
  std::string master;  // "unix:PATH", "tcp:HOST:PORT"; empty: embed one
  std::vector<std::string> listen;
  std::string tls_cert;  // of this side; --tls-key is its key
  std::string tls_key;
  std::string tls_client_ca;  // serve: who signs clients' certificates
  std::string tls_ca;         // with --master: who signs the master's
  std::string clients;        // serve: who may do what
  std::string metrics;        // serve: "ADDRESS:PORT"
  absl::Duration keepalive = absl::Seconds(60);
  absl::Duration grace = absl::Seconds(5);
  absl::Duration heartbeat = absl::Seconds(15);
  absl::Duration module_idle;  // zero: never ended for that
  uint32_t log_level = 0;      // core::LogLevel
  bool unidirectional = false;
  bool lock_modules = false;
  bool wait_for_ready = false;
  bool stats = false;
  bool json = false;  // module inspect
  bool quiet = false;
};

// `arguments` without the program's name. Flags and arguments may be mixed,
// "--flag=value" and "--flag value" mean the same, "--" ends the flags, "-" is
// an argument. INVALID_ARGUMENT with a text for the user, who used it wrongly.
absl::StatusOr<Flags> ParseFlags(const std::vector<std::string>& arguments);

// What `ramet --help` prints.
extern const char kUsage[];

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_FLAGS_H_
