#include "server/health_service.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/master_name.h"
#include "server/server_stream.h"

namespace ramet::server {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr char kCheck[] = "grpc.health.v1.Health/Check";
constexpr char kWatch[] = "grpc.health.v1.Health/Watch";

// "ssh:web1/pkg.Service" taken apart. A hop has a colon, a service has none.
struct Name {
  std::string context;
  std::string service;
  bool valid = true;
};

Name ParseName(const std::string& text) {
  const size_t slash = text.rfind('/');
  const size_t last = slash == text.npos ? 0 : slash + 1;
  if (text == kMasterName) return {text, ""};
  if (text.find(':', last) != text.npos) return {text, ""};
  if (slash == text.npos) return {"", text};
  return {text.substr(0, slash), text.substr(last),
          slash > 0 && last < text.size()};
}

class Watcher final : public StreamSource<HealthCheckResponse> {
 public:
  Watcher(const HealthState* state, std::string name,
          Gatekeeper::Visible visible)
      : state_(state), name_(std::move(name)), visible_(std::move(visible)) {}

  Next TakeNext(HealthCheckResponse* reply, grpc::Status* status) override {
    // The clients file may have been read anew.
    if (visible_ && !visible_(ParseName(name_).context)) {
      *status =
          grpc::Status(grpc::StatusCode::PERMISSION_DENIED,
                       absl::StrCat("no rule allows ", kWatch, " any more"));
      return Next::kEnd;
    }
    const auto now = state_->StatusOf(name_);
    if (last_ == now) return Next::kNothing;
    last_ = now;
    reply->set_status(now);
    return Next::kMessage;
  }

 private:
  const HealthState* const state_;
  const std::string name_;
  const Gatekeeper::Visible visible_;  // empty for names without a context
  std::optional<HealthState::ServingStatus> last_;
};

}  // namespace

HealthState::ServingStatus HealthState::StatusOf(
    const std::string& text) const {
  const Name name = ParseName(text);
  const bool of_master = name.context == kMasterName;
  bool known = name.service.empty();
  if (!known && !of_master) {
    known = modules_->FindService(name.service) != nullptr;
  }
  if (!known && (of_master || name.context.empty())) {
    known = hosted_->Has(name.service);
  }
  if (!name.valid || !known) return HealthCheckResponse::SERVICE_UNKNOWN;
  bool ready = true;
  if (!name.context.empty() && !of_master) {
    const auto info = tree_->Find(name.context);
    if (!info.has_value()) return HealthCheckResponse::SERVICE_UNKNOWN;
    ready = info->ready;
  }
  return ready && !draining_ ? HealthCheckResponse::SERVING
                             : HealthCheckResponse::NOT_SERVING;
}

void HealthState::AddWatcher(const std::string& name,
                             std::weak_ptr<OpenStream> stream) {
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = watchers_.begin(); it != watchers_.end();) {
      it = it->second.expired() ? watchers_.erase(it) : std::next(it);
    }
    watchers_.emplace(ParseName(name).context, stream);
  }
  streams_->Wake(stream);
}

void HealthState::OnContextChange(const std::string& context) {
  absl::MutexLock lock(&mutex_);
  const auto [first, last] = watchers_.equal_range(context);
  for (auto it = first; it != last; ++it) streams_->Wake(it->second);
}

void HealthState::OnChange() {
  absl::MutexLock lock(&mutex_);
  for (const auto& [context, stream] : watchers_) streams_->Wake(stream);
}

void HealthState::StartDraining() {
  draining_ = true;
  OnChange();
}

grpc::ServerUnaryReactor* HealthService::Check(
    grpc::CallbackServerContext* context, const HealthCheckRequest* request,
    HealthCheckResponse* reply) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const std::string target = ParseName(request->service()).context;
  const auto status = state_->StatusOf(request->service());
  if (!target.empty() && !gatekeeper_->VisibleTo(*context, kCheck)(target)) {
    reactor->Finish(
        grpc::Status(grpc::StatusCode::PERMISSION_DENIED,
                     absl::StrCat("no rule allows ", kCheck, " for ", target)));
  } else if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    reactor->Finish(
        grpc::Status(grpc::StatusCode::NOT_FOUND,
                     absl::StrCat("nothing is called ", request->service())));
  } else {
    reply->set_status(status);
    reactor->Finish(grpc::Status::OK);
  }
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext* context, const HealthCheckRequest* request) {
  const std::string& name = request->service();
  const std::string target = ParseName(name).context;
  Gatekeeper::Visible visible;
  if (!target.empty()) visible = gatekeeper_->VisibleTo(*context, kWatch);
  const auto stream = ServerStream<HealthCheckResponse>::Create(
      std::make_shared<Watcher>(state_, name, std::move(visible)), streams_,
      OpenStreams::Order::kEndsLast);
  state_->AddWatcher(name, stream);
  return stream.get();
}

}  // namespace ramet::server
