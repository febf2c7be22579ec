#ifndef CODEGEN_COMMENTS_H_
#define CODEGEN_COMMENTS_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/printer.h>

namespace ramet::codegen {

// The author's comment above a service or method as comment lines, which begin
// with `mark`; nothing when there is none. `separate`: other comment lines
// stand right before.
void EmitComments(const google::protobuf::ServiceDescriptor* descriptor,
                  bool separate, google::protobuf::io::Printer* printer,
                  const char* mark = "//");
void EmitComments(const google::protobuf::MethodDescriptor* descriptor,
                  bool separate, google::protobuf::io::Printer* printer,
                  const char* mark = "//");

}  // namespace ramet::codegen

#endif  // CODEGEN_COMMENTS_H_
