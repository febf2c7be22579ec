#ifndef CLIENTS_CLI_EMBEDDED_CALLER_H_
#define CLIENTS_CLI_EMBEDDED_CALLER_H_

#include <memory>
#include <string>
#include <utility>

#include "clients/cli/caller.h"
#include "parent/connect_stats.h"

namespace ramet::cli {

// Calls through a master in this process.
class EmbeddedCaller final : public Caller {
 public:
  static absl::StatusOr<std::unique_ptr<Caller>> Create(const Flags& flags);

  absl::StatusOr<std::string> Describe(const std::string& service) override;
  absl::StatusOr<stub::Context> Open(const std::string& target) override;
  void PrintStats() override;

 private:
  EmbeddedCaller(const Flags& flags, std::unique_ptr<server::Master> master)
      : flags_(flags), master_(std::move(master)) {}

  const Flags flags_;
  std::unique_ptr<server::Master> master_;
  std::shared_ptr<parent::ConnectStats> stats_;
  int64_t start_us_ = 0;
};

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_EMBEDDED_CALLER_H_
