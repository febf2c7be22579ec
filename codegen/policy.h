#ifndef CODEGEN_POLICY_H_
#define CODEGEN_POLICY_H_

#include <google/protobuf/descriptor.h>

#include <string>

namespace ramet::codegen {

// The enumerator of ramet::stub::Policy for `option (ramet.policy)`.
std::string PolicyName(const google::protobuf::MethodDescriptor* method);

}  // namespace ramet::codegen

#endif  // CODEGEN_POLICY_H_
