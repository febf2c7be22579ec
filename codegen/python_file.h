#ifndef CODEGEN_PYTHON_FILE_H_
#define CODEGEN_PYTHON_FILE_H_

#include <google/protobuf/io/printer.h>

#include "codegen/python_names.h"

namespace ramet::codegen {

// The whole FILE_ramet.py.
void EmitPythonFile(const PythonFile& file,
                    google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_PYTHON_FILE_H_
