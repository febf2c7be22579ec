#ifndef CODEGEN_PLUGIN_OPTIONS_H_
#define CODEGEN_PLUGIN_OPTIONS_H_

#include <string>

namespace ramet::codegen {

// Checks what stands before the colon of --ramet_out=OPTIONS:DIR. There are no
// options yet, so that everything is an error; the text names the option.
bool CheckPluginOptions(const std::string& parameter, std::string* error);

}  // namespace ramet::codegen

#endif  // CODEGEN_PLUGIN_OPTIONS_H_
