#include "codegen/generator.h"

#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <memory>

#include "codegen/header_file.h"
#include "codegen/names.h"
#include "codegen/plugin_options.h"
#include "codegen/source_file.h"

namespace ramet::codegen {

bool RametGenerator::Generate(
    const google::protobuf::FileDescriptor* file, const std::string& parameter,
    google::protobuf::compiler::GeneratorContext* context,
    std::string* error) const {
  FileNames names;
  if (!CheckPluginOptions(parameter, error) ||
      !ResolveNames(file, &names, error)) {
    return false;
  }
  {
    std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> out(
        context->Open(names.header));
    google::protobuf::io::Printer printer(out.get(), '$');
    EmitHeaderFile(names, &printer);
  }
  std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> out(
      context->Open(names.source));
  google::protobuf::io::Printer printer(out.get(), '$');
  EmitSourceFile(names, &printer);
  return true;
}

}  // namespace ramet::codegen
