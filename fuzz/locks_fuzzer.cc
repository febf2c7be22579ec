// Locks refuse what a plain reading of them refuses, whatever bytes they and a
// module's name are; what a key opens is opened by that key's statement, and
// not by one of which a bit is another; and patterns match as those of the
// master's rules do.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "core/base/glob.h"
#include "core/base/strings.h"
#include "core/wire/control.h"
#include "fuzz/fuzz_input.h"
#include "importer/module_locks.h"
#include "server/name_pattern.h"

namespace {

// By the key pair whose secret is 32 times "s", of an image whose digest is
// "ab".
constexpr char kStatement[] = "ramet module m\nimage:6162\n";
constexpr unsigned char kKey[] = {
    0xfe, 0xc1, 0x42, 0x86, 0x73, 0xf6, 0xaf, 0xe8, 0x92, 0x64, 0xb3,
    0x80, 0x73, 0x44, 0xae, 0x8b, 0x26, 0x9d, 0x12, 0x5a, 0x50, 0x38,
    0x55, 0x20, 0x26, 0x87, 0xdb, 0x5a, 0x71, 0x28, 0x57, 0x9f};
constexpr unsigned char kSignature[] = {
    0x7b, 0x92, 0xa1, 0x69, 0x84, 0x77, 0xcb, 0x0e, 0x3c, 0x7f, 0x78,
    0x43, 0xed, 0x88, 0x24, 0x11, 0xf3, 0xce, 0x80, 0x04, 0x44, 0x57,
    0x8f, 0xb8, 0x31, 0x55, 0x2d, 0xf5, 0x05, 0x22, 0x8a, 0x4e, 0xb0,
    0x70, 0x38, 0x41, 0x79, 0x22, 0xf0, 0x35, 0x93, 0x1c, 0x18, 0x9d,
    0xf7, 0xcb, 0xf6, 0xda, 0xe0, 0xa9, 0x11, 0xb9, 0xd3, 0x33, 0x66,
    0xcd, 0x6b, 0x52, 0xa8, 0x44, 0x44, 0x5f, 0xbf, 0x00};

template <size_t n>
std::string Bytes(const unsigned char (&bytes)[n]) {
  return std::string(reinterpret_cast<const char*>(bytes), n);
}

bool IsSigned(const ramet::core::LoadModule& module) {
  return module.name == "m" && module.digest == "ab" &&
         module.environment.empty() && module.statement == kStatement &&
         module.signature == Bytes(kSignature) && module.signer == Bytes(kKey);
}

bool Matches(std::string_view pattern, const ramet::core::LoadModule& module) {
  std::string text = module.name;
  if (pattern.substr(0, 6) == "image:") {
    text = ramet::importer::ImageText(module);
  } else if (pattern.substr(0, 4) == "key:") {
    if (!IsSigned(module)) return false;
    text = "key:" + ramet::core::Hex(module.signer);
  }
  return ramet::server::MatchesPattern(pattern, text, "");
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
  const uint8_t what = input.Byte();
  if (what % 2 == 1) module.environment.push_back("A=1");
  if (what & 2) {
    module.statement = kStatement;
    module.signature = Bytes(kSignature);
    module.signer = Bytes(kKey);
  }
  if (what & 4) {
    std::string* const changed[] = {&module.statement, &module.signature,
                                    &module.signer};
    std::string& bytes = *changed[what / 8 % 3];
    if (!bytes.empty()) bytes[input.Byte() % bytes.size()] ^= 1 << what / 32;
  }
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
