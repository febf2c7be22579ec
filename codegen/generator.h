#ifndef CODEGEN_GENERATOR_H_
#define CODEGEN_GENERATOR_H_

#include <google/protobuf/compiler/code_generator.h>

#include <string>

namespace ramet::codegen {

// The plugin: for every DIR/FILE.proto it makes DIR/FILE.ramet.h and
// DIR/FILE.ramet.cc, next to protobuf's own FILE.pb.h, which they include; or
// DIR/FILE_ramet.py, DIR/FILE.ramet.go, as its options say. A file without
// services makes files without declarations, so that a build system knows its
// outputs beforehand.
class RametGenerator : public google::protobuf::compiler::CodeGenerator {
 public:
  bool Generate(const google::protobuf::FileDescriptor* file,
                const std::string& parameter,
                google::protobuf::compiler::GeneratorContext* context,
                std::string* error) const override;
  uint64_t GetSupportedFeatures() const override {
    return FEATURE_PROTO3_OPTIONAL;
  }
};

}  // namespace ramet::codegen

#endif  // CODEGEN_GENERATOR_H_
