#ifndef CORE_BASE_GLOB_H_
#define CORE_BASE_GLOB_H_

#include <string_view>

namespace ramet::core {

// Whether the whole of `text` matches `pattern`, in which "*" stands for any
// characters, none included. Pure; at most the product of both lengths.
bool MatchesGlob(std::string_view pattern, std::string_view text);

}  // namespace ramet::core

#endif  // CORE_BASE_GLOB_H_
