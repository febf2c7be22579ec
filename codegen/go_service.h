#ifndef CODEGEN_GO_SERVICE_H_
#define CODEGEN_GO_SERVICE_H_

#include <google/protobuf/io/printer.h>

#include "codegen/go_names.h"

namespace ramet::codegen {

// The interface that a module implements to serve a service, and what makes a
// ramet.Service of it.
void EmitGoService(const GoService& service, const GoFile& file,
                   google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_GO_SERVICE_H_
