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

LimitOptions LimitsOf(const google::protobuf::ServiceDescriptor* service) {
  const google::protobuf::ServiceOptions& options = service->options();
  LimitOptions limits;
  limits.max_concurrent_calls =
      options.GetExtension(::ramet::max_concurrent_calls);
  if (options.HasExtension(::ramet::max_queued_calls)) {
    limits.max_queued_calls = options.GetExtension(::ramet::max_queued_calls);
  }
  limits.max_message_bytes = options.GetExtension(::ramet::max_message_bytes);
  return limits;
}

std::string ServiceLimits(const google::protobuf::ServiceDescriptor* service) {
  const LimitOptions limits = LimitsOf(service);
  if (limits.empty()) return "";
  return "{" + std::to_string(limits.max_concurrent_calls) + ", " +
         (limits.max_queued_calls ? std::to_string(*limits.max_queued_calls)
                                  : "::ramet::stub::kDefaultMaxQueuedCalls") +
         ", " + std::to_string(limits.max_message_bytes) + "}";
}

}  // namespace ramet::codegen
