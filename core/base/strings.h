#ifndef CORE_BASE_STRINGS_H_
#define CORE_BASE_STRINGS_H_

#include <stddef.h>
#include <stdint.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/status.h"

namespace ramet::core {

// One piece of a text: a string or a whole number. Only ever a temporary. Two
// words, and no work before Concat: calls with many pieces stay short.
class Piece {
 public:
  Piece(const char* text)  // NOLINT
      : text_(text), size_(kTerminated) {}
  Piece(std::string_view text)  // NOLINT
      : text_(text.data()), size_(static_cast<int64_t>(text.size())) {}
  Piece(const std::string& text)  // NOLINT
      : Piece(std::string_view(text)) {}
  template <typename Number,
            typename = std::enable_if_t<std::is_integral<Number>::value>>
  Piece(Number number)  // NOLINT
      : number_(static_cast<uint64_t>(number)),
        size_(std::is_signed<Number>::value ? kSigned : kUnsigned) {}
  void AppendTo(std::string* text) const;

 private:
  static constexpr int64_t kTerminated = -1;  // text_ ends with a NUL
  static constexpr int64_t kUnsigned = -2;
  static constexpr int64_t kSigned = -3;

  union {
    const char* text_;
    uint64_t number_;
  };
  int64_t size_;  // of text_, or what it is instead
};

// The pieces as one string. One call where a chain of "+" would inline a dozen:
// the agent's size is why this exists.
std::string Concat(std::initializer_list<Piece> pieces);
void Append(std::string* text, std::initializer_list<Piece> pieces);

// In lower case.
std::string Hex(std::string_view bytes);

// Status(code, Concat(pieces)).
Status Error(Code code, std::initializer_list<Piece> pieces);

}  // namespace ramet::core

#endif  // CORE_BASE_STRINGS_H_
