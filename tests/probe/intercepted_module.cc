// The probe's services behind interceptors.
#include <memory>

#include "stub/module_main.h"
#include "stub/server_interceptor.h"
#include "stub/trace_context.h"
#include "tests/probe/limited_service.h"
#include "tests/probe/open_service.h"
#include "tests/probe/probe_service.h"

namespace ramet::probe {
namespace {

// Refuses what has metadata "x-refuse", and says in trailing metadata who
// called what, and how it ended.
class Witness final : public stub::ServerInterceptor {
 public:
  absl::Status Serve(const stub::CallContext& context,
                     const Next& next) override {
    if (context.FindMetadata("x-refuse") != nullptr) {
      return absl::PermissionDeniedError("refused by an interceptor");
    }
    absl::Status status = next();
    context.AddTrailingMetadata(
        "x-witness", context.method() + " by " +
                         std::to_string(context.caller().id) + " for " +
                         std::to_string(context.caller().authority) + ": " +
                         absl::StatusCodeToString(status.code()));
    return status;
  }
};

stub::ModuleOptions MakeOptions() {
  stub::ModuleOptions options;
  options.interceptors = {std::make_shared<Witness>(),
                          stub::PassTraceContextOn()};
  options.services["probe.v1.Limited"].max_concurrent_calls = 1;
  options.services["probe.v1.Limited"].max_queued_calls = 0;
  return options;
}

}  // namespace
}  // namespace ramet::probe

RAMET_MODULE_WITH(ramet::probe::MakeOptions(), ramet::probe::Probe,
                  ramet::probe::Open, ramet::probe::Limited)
