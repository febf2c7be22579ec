#include "codegen/plugin_options.h"

#include <google/protobuf/compiler/code_generator.h>

#include <utility>
#include <vector>

namespace ramet::codegen {
namespace {

bool ParseOption(const std::string& key, const std::string& value,
                 PluginOptions* options) {
  if (key == "lang" && value == "cpp") {
    options->language = Language::kCpp;
  } else if (key == "lang" && value == "python") {
    options->language = Language::kPython;
  } else if (key == "lang" && value == "go") {
    options->language = Language::kGo;
  } else if (key == "messages" && value == "bytes") {
    options->bytes = true;
  } else if (key.size() > 1 && key[0] == 'M' && !value.empty()) {
    options->go_packages[key.substr(1)] = value;
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool ParsePluginOptions(const std::string& parameter, PluginOptions* options,
                        std::string* error) {
  std::vector<std::pair<std::string, std::string>> found;
  google::protobuf::compiler::ParseGeneratorParameter(parameter, &found);
  for (const auto& [key, value] : found) {
    if (ParseOption(key, value, options)) continue;
    *error = "unknown option \"" + key + (value.empty() ? "" : "=") + value +
             "\": protoc-gen-ramet has lang=cpp|python|go, messages=bytes and "
             "Mfile.proto=go/package";
    return false;
  }
  if (options->bytes && options->language == Language::kCpp) {
    *error = "messages=bytes is for Python and Go";
    return false;
  }
  return true;
}

}  // namespace ramet::codegen
