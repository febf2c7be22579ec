#ifndef SERVER_GATEKEEPER_H_
#define SERVER_GATEKEEPER_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/caller.h"
#include "server/door_state.h"

namespace ramet::server {

// A call that was let in; the door waits for it when it drains. Move-only.
class Admission {
 public:
  Admission() = default;
  explicit Admission(std::shared_ptr<DoorState> state, std::string target = {});
  ~Admission();
  Admission(Admission&&) = default;
  Admission& operator=(Admission&& other) noexcept;

  // The context that a proxied call is for.
  const std::string& target() const { return target_; }

 private:
  std::shared_ptr<DoorState> state_;
  std::string target_;
};

// The one place where the front door decides who may do what. Every service of
// the door asks it, for every call.
//
// Errors of all: PERMISSION_DENIED with who and what; UNAVAILABLE while the
// door drains. Threads: any.
class Gatekeeper {
 public:
  // All calls come from `caller`, or, if there is none, from who has shown the
  // certificate of the call's connection.
  Gatekeeper(std::shared_ptr<DoorState> state, std::optional<Caller> caller)
      : state_(std::move(state)), fixed_caller_(std::move(caller)) {}

  // A call that is forwarded to the context which its metadata or authority
  // names. INVALID_ARGUMENT: they name none.
  absl::StatusOr<Admission> AdmitForwarded(
      const grpc::GenericServerContext& context) const;

  // Who calls, as texts have it: what one client is told from another by.
  std::string CallerName(const grpc::ServerContextBase& context) const {
    return CallerOf(context).ToString();
  }

  bool draining() const { return state_->draining(); }

  // A call of a method of the door's own ("ramet.v1.Contexts/Get") about the
  // context called `name`; which need not exist.
  absl::StatusOr<Admission> Admit(const grpc::ServerContextBase& context,
                                  absl::string_view method,
                                  absl::string_view name) const;
  // One about no context, or about those that VisibleTo says.
  absl::StatusOr<Admission> Admit(const grpc::ServerContextBase& context,
                                  absl::string_view method) const;

  // Whether a context may be shown to the caller by `method`; asks the policy
  // that is in force when it is called. It may outlive the call and the door.
  using Visible = std::function<bool(const std::string& name)>;
  Visible VisibleTo(const grpc::ServerContextBase& context,
                    absl::string_view method) const;

 private:
  Caller CallerOf(const grpc::ServerContextBase& context) const;
  absl::Status RefuseIfDraining() const;
  absl::Status Refuse(const Caller& caller, const ClientPolicy& policy,
                      absl::string_view what) const;

  const std::shared_ptr<DoorState> state_;
  const std::optional<Caller> fixed_caller_;
};

// The same status for gRPC.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace ramet::server

#endif  // SERVER_GATEKEEPER_H_
