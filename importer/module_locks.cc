#include "importer/module_locks.h"

#include "core/base/glob.h"
#include "core/base/sha256.h"
#include "core/base/strings.h"
#include "importer/module_statement.h"

namespace ramet::importer {

std::string ImageText(const core::LoadModule& announced) {
  std::string values;
  for (const std::string& variable : announced.environment) {
    if (variable.find('=') == std::string::npos) continue;
    core::Append(&values, {variable.size(), ":", variable});
  }
  std::string text = core::Concat({kImagePrefix, core::Hex(announced.digest)});
  if (!values.empty()) {
    core::Append(&text, {"+", core::Hex(core::Sha256Digest(values))});
  }
  return text;
}

std::string_view FindRefusing(std::string_view locks,
                              const core::LoadModule& announced) {
  const std::string image = ImageText(announced);
  const std::string key =
      core::Concat({kKeyPrefix, core::Hex(announced.signer)});
  // Whether it was signed so; unknown before a pattern of a key asks.
  int has_signed = -1;
  std::string_view lock = locks.substr(0, 0);
  // By those lines of `lock` that were read: nothing matched one behind "+".
  bool refused = false;
  bool allowed = false;
  for (size_t end = 0; (end = locks.find('\n')) != locks.npos;
       locks.remove_prefix(end + 1)) {
    const char kind = locks[0];
    const std::string_view pattern = locks.substr(0, end).substr(end > 0);
    if (kind == '=') {
      if (refused) break;
      lock = pattern;
      allowed = false;
      continue;
    }
    // An image's or a key's never matches a name: whoever announces may call a
    // module as he likes.
    const bool of_key = pattern.rfind(kKeyPrefix, 0) == 0;
    bool matches = core::MatchesGlob(
        pattern, of_key                                ? key
                 : pattern.rfind(kImagePrefix, 0) == 0 ? image
                                                       : announced.name);
    if (matches && of_key) {
      if (has_signed < 0) has_signed = IsSigned(announced, image);
      matches = has_signed;
    }
    if (kind == '-') {
      if (matches) return lock;
    } else {
      allowed = allowed || matches;
      refused = !allowed;
    }
  }
  // What has no end was cut off, and may have been a denial.
  return refused || !locks.empty() ? lock : std::string_view();
}

}  // namespace ramet::importer
