#include "server/ssh/host_pattern.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/check.h"

namespace ramet::server {
namespace {

constexpr char kHashMagic[] = "|1|";
constexpr size_t kSaltBytes = 20;  // as OpenSSH: the size of a SHA-1

std::string HmacSha1(const std::string& salt, const std::string& name) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  RAMET_CHECK(HMAC(EVP_sha1(), salt.data(), static_cast<int>(salt.size()),
                   reinterpret_cast<const unsigned char*>(name.data()),
                   name.size(), digest, &size) != nullptr);
  return std::string(reinterpret_cast<char*>(digest), size);
}

// Linear but for the last star, to which a mismatch goes back.
bool MatchesPattern(absl::string_view pattern, absl::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = absl::string_view::npos;
  size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
    } else if (p < pattern.size() &&
               (pattern[p] == '?' ||
                absl::ascii_tolower(pattern[p]) == name[n])) {
      ++p;
      ++n;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

bool MatchesHostField(absl::string_view field, const std::string& name) {
  if (absl::ConsumePrefix(&field, kHashMagic)) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(field, absl::MaxSplits('|', 1));
    std::string salt;
    std::string hash;
    return absl::Base64Unescape(parts.first, &salt) &&
           absl::Base64Unescape(parts.second, &hash) &&
           HmacSha1(salt, name) == hash;
  }
  bool matches = false;
  for (absl::string_view pattern : absl::StrSplit(field, ',')) {
    const bool negated = absl::ConsumePrefix(&pattern, "!");
    if (pattern.empty() || !MatchesPattern(pattern, name)) continue;
    if (negated) return false;
    matches = true;
  }
  return matches;
}

std::string HashedHostField(const std::string& name) {
  std::string salt(kSaltBytes, '\0');
  RAMET_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()),
                         static_cast<int>(salt.size())) == 1);
  return absl::StrCat(kHashMagic, absl::Base64Escape(salt), "|",
                      absl::Base64Escape(HmacSha1(salt, name)));
}

}  // namespace ramet::server
