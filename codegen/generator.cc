#include "codegen/generator.h"

#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <functional>
#include <memory>

#include "codegen/go_file.h"
#include "codegen/go_names.h"
#include "codegen/header_file.h"
#include "codegen/names.h"
#include "codegen/plugin_options.h"
#include "codegen/python_file.h"
#include "codegen/python_names.h"
#include "codegen/source_file.h"

namespace ramet::codegen {
namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::compiler::GeneratorContext;
using google::protobuf::io::Printer;

void Print(const std::string& path, GeneratorContext* context,
           const std::function<void(Printer*)>& emit) {
  std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> out(
      context->Open(path));
  Printer printer(out.get(), '$');
  emit(&printer);
}

bool GenerateCpp(const FileDescriptor* file, GeneratorContext* context,
                 std::string* error) {
  FileNames names;
  if (!ResolveNames(file, &names, error)) return false;
  Print(names.header, context,
        [&](Printer* printer) { EmitHeaderFile(names, printer); });
  Print(names.source, context,
        [&](Printer* printer) { EmitSourceFile(names, printer); });
  return true;
}

bool GenerateGo(const FileDescriptor* file, const PluginOptions& options,
                GeneratorContext* context, std::string* error) {
  GoFile names;
  if (!ResolveGoNames(file, options, &names, error)) return false;
  Print(names.path, context,
        [&](Printer* printer) { EmitGoFile(names, printer); });
  return true;
}

}  // namespace

bool RametGenerator::Generate(const FileDescriptor* file,
                              const std::string& parameter,
                              GeneratorContext* context,
                              std::string* error) const {
  PluginOptions options;
  if (!ParsePluginOptions(parameter, &options, error)) return false;
  switch (options.language) {
    case Language::kCpp:
      return GenerateCpp(file, context, error);
    case Language::kGo:
      return GenerateGo(file, options, context, error);
    case Language::kPython:
      break;
  }
  const PythonFile names = ResolvePythonNames(file, options.bytes);
  Print(names.path, context,
        [&](Printer* printer) { EmitPythonFile(names, printer); });
  return true;
}

}  // namespace ramet::codegen
