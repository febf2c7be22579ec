#include "server/gatekeeper.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/call_target.h"

namespace ramet::server {
namespace {

constexpr char kTargetKey[] = "ramet-target";

std::string_view View(absl::string_view text) {
  return std::string_view(text.data(), text.size());
}

absl::string_view View(const grpc::string_ref& text) {
  return absl::string_view(text.data(), text.size());
}

}  // namespace

Admission::Admission(std::shared_ptr<DoorState> state, std::string target)
    : state_(std::move(state)), target_(std::move(target)) {
  state_->BeginCall();
}

Admission::~Admission() {
  if (state_ != nullptr) state_->EndCall();
}

Admission& Admission::operator=(Admission&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(target_, other.target_);
  return *this;
}

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

Caller Gatekeeper::CallerOf(const grpc::ServerContextBase& context) const {
  if (fixed_caller_.has_value()) return *fixed_caller_;
  const auto auth = context.auth_context();
  return auth == nullptr ? Caller() : CallerOfCertificate(*auth);
}

absl::Status Gatekeeper::RefuseIfDraining() const {
  if (!state_->draining()) return absl::OkStatus();
  state_->refused_while_draining.fetch_add(1, std::memory_order_relaxed);
  return absl::UnavailableError(
      "the master is shutting down and takes no new calls");
}

absl::Status Gatekeeper::Refuse(const Caller& caller,
                                const ClientPolicy& policy,
                                absl::string_view what) const {
  state_->refused_by_policy.fetch_add(1, std::memory_order_relaxed);
  return absl::PermissionDeniedError(absl::StrCat(
      caller.ToString(), " may not ", what, ": ",
      policy.Knows(caller) ? "no rule of the clients file allows it"
                           : "no such client in the clients file"));
}

absl::StatusOr<Admission> Gatekeeper::AdmitForwarded(
    const grpc::GenericServerContext& context) const {
  const absl::Status draining = RefuseIfDraining();
  if (!draining.ok()) return draining;
  const auto metadata = context.client_metadata().find(kTargetKey);
  absl::StatusOr<std::string> target = CallTarget(
      metadata == context.client_metadata().end() ? absl::string_view()
                                                  : View(metadata->second),
      context.host(), context.method());
  if (!target.ok()) return target.status();
  const absl::string_view method = absl::StripPrefix(context.method(), "/");
  const Caller caller = CallerOf(context);
  const auto policy = state_->policy();
  if (!policy->AllowsCall(caller, View(method), *target)) {
    return Refuse(caller, *policy,
                  absl::StrCat("call ", method, " in ", *target));
  }
  return Admission(state_, *std::move(target));
}

absl::StatusOr<Admission> Gatekeeper::Admit(
    const grpc::ServerContextBase& context, absl::string_view method,
    absl::string_view name) const {
  const absl::Status draining = RefuseIfDraining();
  if (!draining.ok()) return draining;
  // What is no target is nobody's name; the service says so itself.
  const absl::StatusOr<std::string> canonical = CanonicalTarget(name);
  const std::string target = canonical.ok() ? *canonical : std::string(name);
  const Caller caller = CallerOf(context);
  const auto policy = state_->policy();
  if (!policy->AllowsAdmin(caller, View(method), target)) {
    return Refuse(caller, *policy,
                  absl::StrCat("call ", method, " for ", target));
  }
  return Admission(state_);
}

absl::StatusOr<Admission> Gatekeeper::Admit(
    const grpc::ServerContextBase& context, absl::string_view method) const {
  const absl::Status draining = RefuseIfDraining();
  if (!draining.ok()) return draining;
  const Caller caller = CallerOf(context);
  const auto policy = state_->policy();
  if (!policy->AllowsAdmin(caller, View(method))) {
    return Refuse(caller, *policy, absl::StrCat("call ", method));
  }
  return Admission(state_);
}

Gatekeeper::Visible Gatekeeper::VisibleTo(
    const grpc::ServerContextBase& context, absl::string_view method) const {
  return [state = state_, caller = CallerOf(context),
          method = std::string(method)](const std::string& name) {
    return state->policy()->AllowsAdmin(caller, method, name);
  };
}

}  // namespace ramet::server
