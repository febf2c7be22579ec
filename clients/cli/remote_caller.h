#ifndef CLIENTS_CLI_REMOTE_CALLER_H_
#define CLIENTS_CLI_REMOTE_CALLER_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>

#include "clients/cli/caller.h"
#include "server/module_repository.h"

namespace ramet::cli {

// Calls through the front door of a running `ramet serve`.
class RemoteCaller final : public Caller {
 public:
  static absl::StatusOr<std::unique_ptr<Caller>> Create(const Flags& flags);

  absl::StatusOr<std::string> Describe(const std::string& service) override;
  absl::StatusOr<stub::Context> Open(const std::string& target) override;
  absl::Status Explain(const absl::Status& status) override;

 private:
  RemoteCaller(const Flags& flags, std::shared_ptr<grpc::Channel> channel);

  void SetDeadline(grpc::ClientContext* context) const;

  const Flags flags_;
  const std::shared_ptr<grpc::Channel> channel_;
  server::ModuleRepository local_;  // --module: for their descriptors
};

// A channel to the front door of --master that takes long error texts.
// INVALID_ARGUMENT, NOT_FOUND: TCP without certificates.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const Flags& flags);

// gRPC's status as Abseil's; UNAVAILABLE says which front door did not answer.
absl::Status FromGrpc(const grpc::Status& status, const std::string& address);

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_REMOTE_CALLER_H_
