#include "clients/cli/json_values.h"

namespace ramet::cli {
namespace {

constexpr char kSpace[] = " \t\r\n";

}  // namespace

bool JsonValues::Next(std::string* value) {
  if (scanned_ == 0) {
    rest_.erase(0, rest_.find_first_not_of(kSpace));
    if (rest_.empty()) return false;
    if (rest_[0] != '{') {
      const size_t end = rest_.find('\n');
      if (end == std::string::npos) return false;
      value->assign(rest_, 0, end);
      rest_.erase(0, end);
      return true;
    }
  }
  for (; scanned_ < rest_.size(); ++scanned_) {
    const char c = rest_[scanned_];
    if (escaped_) {
      escaped_ = false;
    } else if (in_string_) {
      escaped_ = c == '\\';
      in_string_ = c != '"';
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{') {
      ++depth_;
    } else if (c == '}' && --depth_ == 0) {
      value->assign(rest_, 0, scanned_ + 1);
      rest_.erase(0, scanned_ + 1);
      scanned_ = 0;
      return true;
    }
  }
  return false;
}

std::string_view JsonValues::unfinished() const {
  const std::string_view rest = rest_;
  const size_t first = rest.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return rest.substr(first, rest.find_last_not_of(kSpace) + 1 - first);
}

}  // namespace ramet::cli
