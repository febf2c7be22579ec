#ifndef CODEGEN_SERVICE_SKELETON_H_
#define CODEGEN_SERVICE_SKELETON_H_

#include <google/protobuf/io/printer.h>

#include "codegen/names.h"

namespace ramet::codegen {

// class GreeterService: what an implementation derives from.
void EmitServiceClass(const ServiceNames& service,
                      google::protobuf::io::Printer* printer);
// Its default methods, its table of methods and policies, and the dispatch.
void EmitServiceDefinitions(const ServiceNames& service,
                            google::protobuf::io::Printer* printer);

}  // namespace ramet::codegen

#endif  // CODEGEN_SERVICE_SKELETON_H_
