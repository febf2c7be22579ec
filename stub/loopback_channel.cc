#include "stub/loopback_channel.h"

#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/check.h"
#include "core/wire/control.h"
#include "stub/call_context.h"
#include "stub/loopback_call.h"
#include "stub/metadata.h"

namespace ramet::stub {
namespace {

core::CallHeaders HeadersOf(std::string method, const CallOptions& options) {
  core::CallHeaders headers;
  headers.method = std::move(method);
  headers.metadata = ToWireMetadata(options.metadata);
  return headers;
}

}  // namespace

LoopbackChannel::LoopbackChannel(std::vector<std::unique_ptr<Service>> services)
    : served_(std::make_shared<Served>()) {
  served_->services = std::move(services);
  for (const std::unique_ptr<Service>& service : served_->services) {
    RAMET_CHECK(served_->methods.Add(service.get()).ok());
  }
}

Context LoopbackChannel::ContextFor(std::unique_ptr<Service> service) {
  std::vector<std::unique_ptr<Service>> services;
  services.push_back(std::move(service));
  return Context(std::make_shared<LoopbackChannel>(std::move(services)),
                 "loopback");
}

void LoopbackChannel::StartUnary(std::string method, std::string request,
                                 const CallOptions& options,
                                 DoneCallback done) {
  const absl::Time now = absl::Now();
  const absl::Duration remaining = options.Remaining(now);
  if (remaining <= absl::ZeroDuration()) {
    return done(absl::DeadlineExceededError("deadline passed"));
  }
  const MethodTable::Method* found = served_->methods.Find(method);
  if (found == nullptr) return done(served_->methods.Unknown(method));
  if (found->kind != MethodKind::kUnary) {
    return done(absl::InternalError(method + " is not a unary method"));
  }

  const CallContext context(HeadersOf(std::move(method), options),
                            CallContext::Caller(), now + remaining);
  std::string reply;
  absl::Status status =
      found->service->RametCall(found->index, context, request, &reply);
  if (status.ok()) {
    done(std::move(reply));
  } else {
    done(std::move(status));
  }
}

std::shared_ptr<RawCall> LoopbackChannel::StartCall(
    std::string method, const CallOptions& options,
    std::shared_ptr<RawCallListener> listener) {
  const absl::Time now = absl::Now();
  const absl::Duration remaining = options.Remaining(now);
  const MethodTable::Method* found = served_->methods.Find(method);
  absl::Status status;
  if (remaining <= absl::ZeroDuration()) {
    status = absl::DeadlineExceededError("deadline passed");
  } else if (found == nullptr) {
    status = served_->methods.Unknown(method);
  }
  auto call =
      std::make_shared<LoopbackCall>(HeadersOf(std::move(method), options),
                                     now + remaining, std::move(listener));
  if (!status.ok()) {
    call->End(status);
  } else {
    std::thread([served = served_, call, found] {
      call->Run(*found);
    }).detach();
  }
  return call;
}

}  // namespace ramet::stub
