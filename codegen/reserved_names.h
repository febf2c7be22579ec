#ifndef CODEGEN_RESERVED_NAMES_H_
#define CODEGEN_RESERVED_NAMES_H_

#include <string>

namespace ramet::codegen {

// C++ keywords up to C++20, alternative tokens included.
bool IsCppKeyword(const std::string& name);

// Names that no method of a generated class can have: keywords, macros of the
// headers that generated code includes, members of the base classes and of the
// generated classes themselves.
bool IsReservedMember(const std::string& name);

}  // namespace ramet::codegen

#endif  // CODEGEN_RESERVED_NAMES_H_
