#include "codegen/plugin_options.h"

#include <google/protobuf/compiler/code_generator.h>

#include <utility>
#include <vector>

namespace ramet::codegen {

bool CheckPluginOptions(const std::string& parameter, std::string* error) {
  std::vector<std::pair<std::string, std::string>> options;
  google::protobuf::compiler::ParseGeneratorParameter(parameter, &options);
  if (options.empty()) return true;
  *error = "unknown option \"" + options.front().first +
           "\": protoc-gen-ramet has no options";
  return false;
}

}  // namespace ramet::codegen
