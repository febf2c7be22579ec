#include "transports/text_tail.h"

#include <vector>

namespace ramet::transports {
namespace {

// Bytes of the well-formed UTF-8 sequence at the beginning of `bytes`; 0 when
// there is none (RFC 3629).
size_t Utf8SequenceLength(std::string_view bytes) {
  const auto byte = [bytes](size_t i) {
    return static_cast<unsigned char>(bytes[i]);
  };
  const unsigned char lead = byte(0);
  size_t length = 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) length = 2;
  if (lead >= 0xe0 && lead <= 0xef) length = 3;
  if (lead >= 0xf0 && lead <= 0xf4) length = 4;
  if (length == 0 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

bool IsWorthShowing(std::string_view line) {
  return line.find_first_not_of("@ \t\r") != std::string_view::npos;
}

std::string_view Trim(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return std::string_view();
  return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

}  // namespace

void TextTail::Append(std::string_view bytes) {
  if (bytes.size() > kMaxBytes) {
    bytes.remove_prefix(bytes.size() - kMaxBytes);
    cut_ = true;
  }
  bytes_.append(bytes);
  if (bytes_.size() > kMaxBytes) {
    bytes_.erase(0, bytes_.size() - kMaxBytes);
    cut_ = true;
  }
}

std::string TextTail::Text() const {
  std::vector<std::string_view> lines;
  std::string_view rest = bytes_;
  bool first = true;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const bool partial = first && cut_ && !rest.empty();
    first = false;
    if (!partial && IsWorthShowing(line)) lines.push_back(Trim(line));
  }
  const size_t skipped =
      lines.size() > kMaxLines ? lines.size() - kMaxLines : 0;
  std::string text;
  for (size_t i = skipped; i < lines.size(); ++i) {
    if (!text.empty()) text += " | ";
    text += Printable(lines[i]);
  }
  return text;
}

std::string Printable(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t length = Utf8SequenceLength(bytes);
    const unsigned char first = static_cast<unsigned char>(bytes[0]);
    if (length == 0 || first < 0x20 || first == 0x7f) {
      text += first == '\t' ? ' ' : '?';
      bytes.remove_prefix(1);
    } else {
      text.append(bytes.substr(0, length));
      bytes.remove_prefix(length);
    }
  }
  return text;
}

}  // namespace ramet::transports
