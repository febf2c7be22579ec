#include "codegen/reserved_names.h"

#include <set>

namespace ramet::codegen {

bool IsCppKeyword(const std::string& name) {
  static const auto* const keywords = new std::set<std::string>{
      "alignas",       "alignof",     "and",
      "and_eq",        "asm",         "auto",
      "bitand",        "bitor",       "bool",
      "break",         "case",        "catch",
      "char",          "char16_t",    "char32_t",
      "char8_t",       "class",       "co_await",
      "co_return",     "co_yield",    "compl",
      "concept",       "const",       "const_cast",
      "consteval",     "constexpr",   "constinit",
      "continue",      "decltype",    "default",
      "delete",        "do",          "double",
      "dynamic_cast",  "else",        "enum",
      "explicit",      "export",      "extern",
      "false",         "float",       "for",
      "friend",        "goto",        "if",
      "inline",        "int",         "long",
      "mutable",       "namespace",   "new",
      "noexcept",      "not",         "not_eq",
      "nullptr",       "operator",    "or",
      "or_eq",         "private",     "protected",
      "public",        "register",    "reinterpret_cast",
      "requires",      "return",      "short",
      "signed",        "sizeof",      "static",
      "static_assert", "static_cast", "struct",
      "switch",        "template",    "this",
      "thread_local",  "throw",       "true",
      "try",           "typedef",     "typeid",
      "typename",      "typeof",      "union",
      "unsigned",      "using",       "virtual",
      "void",          "volatile",    "wchar_t",
      "while",         "xor",         "xor_eq",
  };
  return keywords->count(name) > 0;
}

bool IsReservedMember(const std::string& name) {
  static const auto* const members = new std::set<std::string>{
      // Macros of libc and the compiler.
      "BIG_ENDIAN", "BUFSIZ", "BYTE_ORDER", "EOF", "FILENAME_MAX", "INFINITY",
      "INT_MAX", "LITTLE_ENDIAN", "NAN", "NULL", "PIC", "RAND_MAX", "SEEK_CUR",
      "SEEK_END", "SEEK_SET", "alloca", "assert", "errno", "isinf", "isnan",
      "linux", "major", "makedev", "minor", "offsetof", "setjmp", "stderr",
      "stdin", "stdout", "strdupa", "unix", "va_arg", "va_copy", "va_end",
      "va_start",
      // Members of generated classes and of ramet::stub::Service.
      "RametCall", "RametInfo", "RametStream", "ramet_context_"};
  return IsCppKeyword(name) || members->count(name) > 0;
}

}  // namespace ramet::codegen
