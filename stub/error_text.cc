#include "stub/error_text.h"

namespace ramet::stub {
namespace {

// Bytes of the UTF-8 sequence (RFC 3629) at the front of `text`; 0: none.
size_t SequenceBytes(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto continues = [&byte](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    // No overlong forms, no surrogates.
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string CleanErrorText(std::string_view text) {
  std::string_view rest = text;
  std::string clean;
  clean.reserve(rest.size());
  while (!rest.empty()) {
    const size_t valid = SequenceBytes(rest);
    const size_t count = valid == 0 ? 1 : valid;
    if (clean.size() + count > kMaxErrorTextBytes) break;
    if (valid == 0) {
      clean += '?';
    } else {
      clean.append(rest.substr(0, count));
    }
    rest.remove_prefix(count);
  }
  if (!rest.empty()) {
    clean += "... (" + std::to_string(rest.size()) + " more bytes)";
  }
  return clean;
}

}  // namespace ramet::stub
