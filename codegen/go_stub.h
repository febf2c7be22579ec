#ifndef CODEGEN_GO_STUB_H_
#define CODEGEN_GO_STUB_H_

#include <google/protobuf/io/printer.h>

#include "codegen/go_names.h"

namespace ramet::codegen {

// The type that calls a service, from a method of a module.
void EmitGoStub(const GoService& service, const GoFile& file,
                google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_GO_STUB_H_
