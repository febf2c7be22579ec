#include "stub/trace_context.h"

#include <string>
#include <utility>

namespace ramet::stub {
namespace {

MetadataPairs PairsOf(const CallContext& context) {
  MetadataPairs pairs;
  for (const core::Metadata& entry : context.metadata()) {
    if (entry.key == "traceparent" || entry.key == "tracestate") {
      pairs.emplace_back(entry.key, entry.value);
    }
  }
  return pairs;
}

class Passer final : public ServerInterceptor {
 public:
  absl::Status Serve(const CallContext& context, const Next& next) override {
    MetadataPairs pairs = PairsOf(context);
    if (!pairs.empty()) context.InterceptCalls(AddMetadata(std::move(pairs)));
    return next();
  }
};

}  // namespace

std::shared_ptr<ServerInterceptor> PassTraceContextOn() {
  return std::make_shared<Passer>();
}

std::shared_ptr<ClientInterceptor> TraceContextOf(const CallContext& context) {
  return AddMetadata(PairsOf(context));
}

}  // namespace ramet::stub
