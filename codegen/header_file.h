#ifndef CODEGEN_HEADER_FILE_H_
#define CODEGEN_HEADER_FILE_H_

#include <google/protobuf/io/printer.h>

#include "codegen/names.h"

namespace ramet::codegen {

// Prints FILE.ramet.h: includes, guard, namespace, and both classes of every
// service.
void EmitHeaderFile(const FileNames& names,
                    google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_HEADER_FILE_H_
