#ifndef CODEGEN_PLUGIN_OPTIONS_H_
#define CODEGEN_PLUGIN_OPTIONS_H_

#include <map>
#include <string>

namespace ramet::codegen {

enum class Language { kCpp, kPython, kGo };

// What stands before the colon of --ramet_out=OPTIONS:DIR, with commas between:
//
//   lang=cpp|python|go      what to generate; C++ when it is left out
//   messages=bytes          requests and replies stay bytes (Python, Go)
//   Mdir/file.proto=PATH    the Go package of a file, as for protoc-gen-go
struct PluginOptions {
  Language language = Language::kCpp;
  bool bytes = false;
  std::map<std::string, std::string> go_packages;
};

// False, with a text that names the option in `error`: it is none of these, or
// has another value.
bool ParsePluginOptions(const std::string& parameter, PluginOptions* options,
                        std::string* error);

}  // namespace ramet::codegen

#endif  // CODEGEN_PLUGIN_OPTIONS_H_
