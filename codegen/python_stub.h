#ifndef CODEGEN_PYTHON_STUB_H_
#define CODEGEN_PYTHON_STUB_H_

#include <google/protobuf/io/printer.h>

#include "codegen/python_names.h"

namespace ramet::codegen {

// The class that calls a service, from a method of a module.
void EmitPythonStub(const PythonService& service,
                    google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_PYTHON_STUB_H_
