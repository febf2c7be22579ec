#include "stub/loopback_channel.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/check.h"
#include "core/wire/control.h"
#include "stub/call_context.h"

namespace ramet::stub {

LoopbackChannel::LoopbackChannel(std::vector<std::unique_ptr<Service>> services)
    : services_(std::move(services)) {
  for (const std::unique_ptr<Service>& service : services_) {
    RAMET_CHECK(methods_.Add(service.get()));
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
  const MethodTable::Method* found = methods_.Find(method);
  if (found == nullptr) return done(methods_.Unknown(method));

  core::CallHeaders headers;
  headers.method = std::move(method);
  for (const auto& [key, value] : options.metadata) {
    headers.metadata.push_back({key, value});
  }
  const CallContext context(std::move(headers), CallContext::Caller(),
                            now + remaining);
  std::string reply;
  absl::Status status =
      found->service->RametCall(found->index, context, request, &reply);
  if (status.ok()) {
    done(std::move(reply));
  } else {
    done(std::move(status));
  }
}

}  // namespace ramet::stub
