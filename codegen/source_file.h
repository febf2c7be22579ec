#ifndef CODEGEN_SOURCE_FILE_H_
#define CODEGEN_SOURCE_FILE_H_

#include <google/protobuf/io/printer.h>

#include "codegen/names.h"

namespace ramet::codegen {

// Prints FILE.ramet.cc: the definitions of both classes of every service.
void EmitSourceFile(const FileNames& names,
                    google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_SOURCE_FILE_H_
