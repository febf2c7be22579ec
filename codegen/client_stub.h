#ifndef CODEGEN_CLIENT_STUB_H_
#define CODEGEN_CLIENT_STUB_H_

#include <google/protobuf/io/printer.h>

#include "codegen/names.h"

namespace ramet::codegen {

// class GreeterStub: what a caller uses.
void EmitStubClass(const ServiceNames& service,
                   google::protobuf::io::Printer* printer);
void EmitStubDefinitions(const ServiceNames& service,
                         google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_CLIENT_STUB_H_
