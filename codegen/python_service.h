#ifndef CODEGEN_PYTHON_SERVICE_H_
#define CODEGEN_PYTHON_SERVICE_H_

#include <google/protobuf/io/printer.h>

#include "codegen/python_names.h"

namespace ramet::codegen {

// The class that a module derives from to serve a service.
void EmitPythonService(const PythonService& service,
                       google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_PYTHON_SERVICE_H_
