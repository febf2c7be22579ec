#ifndef IMPORTER_MODULE_STATEMENT_H_
#define IMPORTER_MODULE_STATEMENT_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/wire/control.h"

namespace ramet::importer {

// Statements: what is signed of a bundle, so that contexts can check it, which
// never see the bundle. Text of lines, each with a line feed behind it:
// kStatementTitle and the module's name, then ImageText (module_locks.h) of
// each of its images. docs/module_lifecycle.md.

inline constexpr std::string_view kStatementTitle = "ramet module ";

// Begins the pattern of a lock that a key opens; its 32 bytes in hex follow.
inline constexpr std::string_view kKeyPrefix = "key:";

// Pure.
std::string StatementText(std::string_view name,
                          const std::vector<std::string>& images);

// Whether a statement that came with the announcement is signed by
// announced.signer, and says that the module called announced.name has
// `image`, its ImageText. Takes up to 3 ms where the text says so. Pure.
bool IsSigned(const core::LoadModule& announced, std::string_view image);

}  // namespace ramet::importer

#endif  // IMPORTER_MODULE_STATEMENT_H_
