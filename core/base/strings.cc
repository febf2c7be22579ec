#include "core/base/strings.h"

namespace ramet::core {

void Piece::AppendTo(std::string* text) const {
  if (size_ >= 0) {
    text->append(text_, static_cast<size_t>(size_));
    return;
  }
  if (size_ == kTerminated) {
    text->append(text_);
    return;
  }
  const bool negative = size_ == kSigned && static_cast<int64_t>(number_) < 0;
  uint64_t magnitude = negative ? 0 - number_ : number_;
  char digits[20];
  char* const end = digits + sizeof digits;
  char* begin = end;
  do {
    *--begin = static_cast<char>('0' + magnitude % 10);
    magnitude /= 10;
  } while (magnitude != 0);
  if (negative) *text += '-';
  text->append(begin, static_cast<size_t>(end - begin));
}

void Append(std::string* text, std::initializer_list<Piece> pieces) {
  for (const Piece& piece : pieces) piece.AppendTo(text);
}

std::string Concat(std::initializer_list<Piece> pieces) {
  std::string text;
  Append(&text, pieces);
  return text;
}

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    for (const int shift : {4, 0}) {
      text += "0123456789abcdef"[byte >> shift & 15];
    }
  }
  return text;
}

Status Error(Code code, std::initializer_list<Piece> pieces) {
  return Status(code, Concat(pieces));
}

}  // namespace ramet::core
