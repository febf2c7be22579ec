#include "core/base/strings.h"

namespace ramet::core {

void Piece::Format(bool negative, uint64_t magnitude) {
  char* const end = digits_ + sizeof digits_;
  char* begin = end;
  do {
    *--begin = static_cast<char>('0' + magnitude % 10);
    magnitude /= 10;
  } while (magnitude != 0);
  if (negative) *--begin = '-';
  text_ = std::string_view(begin, end - begin);
}

void Append(std::string* text, std::initializer_list<Piece> pieces) {
  for (const Piece& piece : pieces) text->append(piece.text());
}

std::string Concat(std::initializer_list<Piece> pieces) {
  std::string text;
  Append(&text, pieces);
  return text;
}

Status Error(Code code, std::initializer_list<Piece> pieces) {
  return Status(code, Concat(pieces));
}

}  // namespace ramet::core
