#ifndef CODEGEN_GO_FILE_H_
#define CODEGEN_GO_FILE_H_

#include <google/protobuf/io/printer.h>

#include "codegen/go_names.h"

namespace ramet::codegen {

// The whole FILE.ramet.go.
void EmitGoFile(const GoFile& file, google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_GO_FILE_H_
