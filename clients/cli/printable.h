#ifndef CLIENTS_CLI_PRINTABLE_H_
#define CLIENTS_CLI_PRINTABLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ramet::cli {

// Text that came from another machine, safe to print on a terminal: control
// characters other than line feed and tab become "?".
inline std::string Printable(absl::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) c = '?';
  }
  return out;
}

// The same for a text that must stay one line: a line feed within it would let
// a context begin another one, in somebody else's name.
inline std::string PrintableLine(absl::string_view text) {
  std::string out = Printable(text);
  for (char& c : out) {
    if (c == '\n') c = '?';
  }
  return out;
}

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_PRINTABLE_H_
