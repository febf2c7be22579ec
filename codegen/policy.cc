#include "codegen/policy.h"

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

}  // namespace ramet::codegen
