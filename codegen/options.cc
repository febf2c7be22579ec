#include "codegen/options.h"

#include "ramet/options.pb.h"

namespace ramet::codegen {

std::string PolicyName(const google::protobuf::MethodDescriptor* method) {
  switch (method->options().GetExtension(::ramet::policy)) {
    case ::ramet::ANY:
      return "kAny";
    case ::ramet::SELF:
      return "kSelf";
    default:
      return "kParents";
  }
}

bool IsSerial(const google::protobuf::MethodDescriptor* method) {
  return method->options().GetExtension(::ramet::concurrency) ==
         ::ramet::SERIAL;
}

std::string ServiceLimits(const google::protobuf::ServiceDescriptor* service) {
  const google::protobuf::ServiceOptions& options = service->options();
  const bool has_queue = options.HasExtension(::ramet::max_queued_calls);
  const uint32_t concurrent =
      options.GetExtension(::ramet::max_concurrent_calls);
  const uint32_t bytes = options.GetExtension(::ramet::max_message_bytes);
  if (!has_queue && concurrent == 0 && bytes == 0) return "";
  return "{" + std::to_string(concurrent) + ", " +
         (has_queue
              ? std::to_string(options.GetExtension(::ramet::max_queued_calls))
              : "::ramet::stub::kDefaultMaxQueuedCalls") +
         ", " + std::to_string(bytes) + "}";
}

}  // namespace ramet::codegen
