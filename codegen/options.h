#ifndef CODEGEN_OPTIONS_H_
#define CODEGEN_OPTIONS_H_

#include <google/protobuf/descriptor.h>
#include <stdint.h>

#include <optional>
#include <string>

namespace ramet::codegen {

// The enumerator of ramet::stub::Policy for `option (ramet.policy)`.
std::string PolicyName(const google::protobuf::MethodDescriptor* method);

// Whether `option (ramet.concurrency)` is SERIAL.
bool IsSerial(const google::protobuf::MethodDescriptor* method);

// What the options of a service say of its limits; 0, or none: not said.
struct LimitOptions {
  uint32_t max_concurrent_calls;
  std::optional<uint32_t> max_queued_calls;
  uint32_t max_message_bytes;

  bool empty() const {
    return max_concurrent_calls == 0 && !max_queued_calls &&
           max_message_bytes == 0;
  }
};
LimitOptions LimitsOf(const google::protobuf::ServiceDescriptor* service);

// The initialiser of ramet::stub::ServiceLimits for the options of a service;
// empty when it has none.
std::string ServiceLimits(const google::protobuf::ServiceDescriptor* service);

}  // namespace ramet::codegen

#endif  // CODEGEN_OPTIONS_H_
