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

// One piece of a text: a string or a whole number. Only ever a temporary.
class Piece {
 public:
  Piece(const char* text) : text_(text) {}         // NOLINT
  Piece(std::string_view text) : text_(text) {}    // NOLINT
  Piece(const std::string& text) : text_(text) {}  // NOLINT
  template <typename Number,
            typename = std::enable_if_t<std::is_integral<Number>::value>>
  Piece(Number number) {  // NOLINT
    Format(number < 0, number < 0 ? 0 - static_cast<uint64_t>(number)
                                  : static_cast<uint64_t>(number));
  }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;

  std::string_view text() const { return text_; }

 private:
  void Format(bool negative, uint64_t magnitude);

  std::string_view text_;
  char digits_[20];
};

// The pieces as one string. One call where a chain of "+" would inline a dozen:
// the agent's size is why this exists.
std::string Concat(std::initializer_list<Piece> pieces);
void Append(std::string* text, std::initializer_list<Piece> pieces);

// Status(code, Concat(pieces)).
Status Error(Code code, std::initializer_list<Piece> pieces);

}  // namespace ramet::core

#endif  // CORE_BASE_STRINGS_H_
