// Locks refuse what a plain reading of them refuses, whatever bytes they and a
// module's name are; and patterns match as those of the master's rules do.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "core/base/glob.h"
#include "core/wire/control.h"
#include "fuzz/fuzz_input.h"
#include "importer/module_locks.h"
#include "server/name_pattern.h"

namespace {

bool Matches(std::string_view pattern, const ramet::core::LoadModule& module) {
  const bool of_image = pattern.substr(0, 6) == "image:";
  return ramet::server::MatchesPattern(
      pattern, of_image ? ramet::importer::ImageText(module) : module.name, "");
}

// By whole lines, lock by lock. Malformed ones are the fuzzed code's own
// affair.
bool Refuses(const std::vector<std::vector<std::string>>& locks,
             const ramet::core::LoadModule& module) {
  for (const std::vector<std::string>& lines : locks) {
    bool only = false;
    bool allowed = false;
    for (const std::string& line : lines) {
      const bool matches = Matches(std::string_view(line).substr(1), module);
      if (line[0] == '-' && matches) return true;
      only = only || line[0] == '+';
      allowed = allowed || (line[0] == '+' && matches);
    }
    if (only && !allowed) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::fuzz::FuzzInput input(data, size);
  ramet::core::LoadModule module;
  module.name = input.Bytes(input.Byte() % 32);
  module.digest = input.Bytes(input.Byte() % 4);
  if (input.Byte() % 2 == 1) module.environment.push_back("A=1");
  const std::string_view text = input.Rest();

  const std::string_view pattern = text.substr(0, 200);
  RAMET_CHECK(ramet::core::MatchesGlob(pattern, module.name) ==
              ramet::server::MatchesPattern(pattern, module.name, ""));

  const std::string_view lock = ramet::importer::FindRefusing(text, module);
  const bool refused = lock.data() != nullptr;
  if (refused) {
    RAMET_CHECK(lock.data() >= text.data() &&
                lock.data() + lock.size() <= text.data() + text.size());
  }
  std::vector<std::vector<std::string>> locks;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    if (end == rest.npos || end == 0) return 0;
    const std::string line(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    if (line[0] == '=') {
      locks.emplace_back();
    } else if (locks.empty() || (line[0] != '+' && line[0] != '-')) {
      return 0;
    } else {
      locks.back().push_back(line);
    }
  }
  RAMET_CHECK(refused == Refuses(locks, module));
  return 0;
}
