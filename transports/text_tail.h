#ifndef TRANSPORTS_TEXT_TAIL_H_
#define TRANSPORTS_TEXT_TAIL_H_

#include <stddef.h>

#include <string>
#include <string_view>

namespace ramet::transports {

// Keeps what a program said last, for the text of an error.
class TextTail {
 public:
  static constexpr size_t kMaxBytes = 4096;  // enough for kMaxLines
  static constexpr int kMaxLines = 10;       // what a user still reads

  void Append(std::string_view bytes);

  // The last lines, joined with " | ", empty ones and lines of '@' signs (ssh's
  // frames) left out. Well-formed UTF-8 without control characters, whatever
  // arrived.
  std::string Text() const;

 private:
  std::string bytes_;
  bool cut_ = false;  // the first line's beginning is gone
};

// `bytes` with every control character and every byte that is not UTF-8
// replaced by '?'.
std::string Printable(std::string_view bytes);

}  // namespace ramet::transports

#endif  // TRANSPORTS_TEXT_TAIL_H_
