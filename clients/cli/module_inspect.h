#ifndef CLIENTS_CLI_MODULE_INSPECT_H_
#define CLIENTS_CLI_MODULE_INSPECT_H_

#include <stddef.h>

#include <string>

#include "importer/bundle.h"
#include "ramet/v1/modules.pb.h"

namespace ramet::cli {

// What is in a bundle, for people and for programs. Pure.
v1::ModuleDescription DescribeBundle(const importer::Bundle& bundle,
                                     size_t file_bytes);
std::string DescriptionText(const v1::ModuleDescription& description);

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_MODULE_INSPECT_H_
