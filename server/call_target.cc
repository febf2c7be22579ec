#include "server/call_target.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "parent/hop.h"
#include "server/master_name.h"
#include "stub/status_bridge.h"

namespace ramet::server {
namespace {

std::string PercentDecode(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::ascii_isxdigit(text[i + 1]) &&
        absl::ascii_isxdigit(text[i + 2])) {
      decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

}  // namespace

absl::StatusOr<std::string> CanonicalTarget(absl::string_view target) {
  if (target == kMasterName) return std::string(target);
  std::vector<parent::Hop> hops;
  const core::Status parsed = parent::ParseTarget(std::string(target), &hops);
  if (!parsed.ok()) return stub::ToAbslStatus(parsed);
  std::string name;
  for (const parent::Hop& hop : hops) {
    absl::StrAppend(&name, name.empty() ? "" : "/", hop.ToString());
  }
  return name;
}

absl::StatusOr<std::string> CallTarget(absl::string_view metadata,
                                       absl::string_view authority,
                                       absl::string_view method) {
  if (!metadata.empty()) return CanonicalTarget(metadata);
  // Most authorities are the front door's own address, which is no target.
  // And many a door's machine is called "master".
  absl::StatusOr<std::string> name = CanonicalTarget(PercentDecode(authority));
  if (name.ok() && *name != kMasterName) return name;
  return absl::InvalidArgumentError(absl::StrCat(
      "metadata ramet-target (or :authority) must say which context ", method,
      " is for, for example ssh:web1"));
}

}  // namespace ramet::server
