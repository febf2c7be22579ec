#ifndef CLIENTS_CLI_CALLER_H_
#define CLIENTS_CLI_CALLER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cli/flags.h"
#include "server/master.h"
#include "stub/context.h"

namespace ramet::cli {

// How `ramet call` reaches a context: through a master of its own, or through a
// running one's front door. Main thread; blocks.
class Caller {
 public:
  virtual ~Caller() = default;

  // The descriptors for `service`, serialized as a FileDescriptorSet.
  // UNIMPLEMENTED: nobody knows it.
  virtual absl::StatusOr<std::string> Describe(const std::string& service) = 0;

  // The context to call; connected by the first call. INVALID_ARGUMENT: not a
  // target.
  virtual absl::StatusOr<stub::Context> Open(const std::string& target) = 0;

  // A call's status, with what only this side knows.
  virtual absl::Status Explain(const absl::Status& status) { return status; }

  // After the call that ended now; prints what is known of its cost on standard
  // error.
  virtual void PrintStats() {}
};

// Loads --module bundles. Their errors are the bundles'.
absl::StatusOr<std::unique_ptr<Caller>> MakeCaller(const Flags& flags);

// A master with what `flags` say, and `options` where they say nothing: log
// lines on standard error, bundles loaded.
absl::StatusOr<std::unique_ptr<server::Master>> MakeMaster(
    const Flags& flags, server::MasterOptions options = {});

// What bundles must be: --require-signature, --max-image-mib. Errors of
// server::MinisignKey::LoadFile.
absl::StatusOr<server::BundleChecks> MakeBundleChecks(const Flags& flags);

// --module-policy, --allow-module, --deny-module, --lock-modules,
// --lock-signature. Errors of server::ModulePolicy's LoadFile and Add, and
// server::MinisignKey::LoadFile.
absl::StatusOr<server::ModulePolicy> MakeModulePolicy(const Flags& flags);

server::ConnectOptions MakeConnectOptions(const Flags& flags);

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_CALLER_H_
