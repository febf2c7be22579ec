#ifndef STUB_ERROR_TEXT_H_
#define STUB_ERROR_TEXT_H_

#include <stddef.h>

#include <string>
#include <string_view>

namespace ramet::stub {

// A longer error text is cut, with a note of how much is missing.
inline constexpr size_t kMaxErrorTextBytes = 1024 * 1024;

// An error text as it may travel: at most kMaxErrorTextBytes of the original,
// and valid UTF-8, because protobuf refuses other strings; every byte that is
// not becomes a "?".
std::string CleanErrorText(std::string_view text);

}  // namespace ramet::stub

#endif  // STUB_ERROR_TEXT_H_
