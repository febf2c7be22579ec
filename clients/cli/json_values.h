#ifndef CLIENTS_CLI_JSON_VALUES_H_
#define CLIENTS_CLI_JSON_VALUES_H_

#include <string>
#include <string_view>

namespace ramet::cli {

// Cuts text into the JSON objects that stand in it one behind the other, with
// or without white space between them. What is in them is not looked at: the
// parser of a message does that. Pure.
class JsonValues {
 public:
  void Add(std::string_view text) { rest_.append(text); }

  // Takes the next whole object. Text that does not begin one is given as it
  // is, up to the next line's end, for the parser to refuse.
  bool Next(std::string* value);

  // What is left, without white space around it: the beginning of an object
  // whose end is missing.
  std::string_view unfinished() const;

 private:
  std::string rest_;
  size_t scanned_ = 0;  // of rest_
  size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_JSON_VALUES_H_
