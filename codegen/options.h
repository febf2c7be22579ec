#ifndef CODEGEN_OPTIONS_H_
#define CODEGEN_OPTIONS_H_

#include <google/protobuf/descriptor.h>

#include <string>

namespace ramet::codegen {

// The enumerator of ramet::stub::Policy for `option (ramet.policy)`.
std::string PolicyName(const google::protobuf::MethodDescriptor* method);

// Whether `option (ramet.concurrency)` is SERIAL.
bool IsSerial(const google::protobuf::MethodDescriptor* method);

// The initialiser of ramet::stub::ServiceLimits for the options of a service;
// empty when it has none.
std::string ServiceLimits(const google::protobuf::ServiceDescriptor* service);

}  // namespace ramet::codegen

#endif  // CODEGEN_OPTIONS_H_
