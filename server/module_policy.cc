#include "server/module_policy.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/config_file.h"
#include "server/name_pattern.h"

namespace ramet::server {
namespace {

constexpr char kKind[] = "module policy";

bool IsFor(const v1::ModuleRule& rule, std::string_view target) {
  return rule.target().empty() ||
         std::any_of(rule.target().begin(), rule.target().end(),
                     [target](const std::string& pattern) {
                       return MatchesTargetOrAbove(pattern, target);
                     });
}

}  // namespace

absl::StatusOr<ModulePolicy> ModulePolicy::Parse(const std::string& text,
                                                 const std::string& origin) {
  ModulePolicy policy;
  const absl::Status parsed = ParseConfig(kKind, origin, text, &policy.file_);
  if (!parsed.ok()) return parsed;
  for (int i = 0; i < policy.file_.rule_size(); ++i) {
    const v1::ModuleRule& rule = policy.file_.rule(i);
    // One that says nothing was meant to say something.
    if (rule.allow().empty() && rule.deny().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          kKind, " ", origin, ": rule ", i + 1, " has neither allow nor deny"));
    }
  }
  return policy;
}

absl::StatusOr<ModulePolicy> ModulePolicy::LoadFile(const std::string& path) {
  const absl::StatusOr<std::string> text =
      ReadConfigFile(kKind, path, kMaxFileBytes);
  if (!text.ok()) return text.status();
  return Parse(*text, path);
}

absl::Status ModulePolicy::Check(const std::string& name,
                                 std::string_view digest,
                                 std::string_view target) const {
  if (file_.rule().empty()) return absl::OkStatus();
  const std::string by_digest = absl::StrCat(
      "sha256:",
      absl::BytesToHexString(absl::string_view(digest.data(), digest.size())));
  const auto matches = [&](const std::string& pattern) {
    return MatchesPattern(pattern, name, "") ||
           MatchesPattern(pattern, by_digest, "");
  };
  for (int i = 0; i < file_.rule_size(); ++i) {
    const v1::ModuleRule& rule = file_.rule(i);
    if (!IsFor(rule, target)) continue;
    const auto denied =
        std::find_if(rule.deny().begin(), rule.deny().end(), matches);
    std::string why;
    if (denied != rule.deny().end()) {
      why = absl::StrCat("denies \"", *denied, "\"");
    } else if (!rule.allow().empty() &&
               std::none_of(rule.allow().begin(), rule.allow().end(),
                            matches)) {
      why = absl::StrCat("allows only \"",
                         absl::StrJoin(rule.allow(), "\", \""), "\"");
    } else {
      continue;
    }
    return absl::PermissionDeniedError(absl::StrCat(
        "context ", absl::string_view(target.data(), target.size()),
        " may not get module ", name, " (", by_digest, "): rule ", i + 1,
        rule.target().empty()
            ? ""
            : absl::StrCat(" for \"", absl::StrJoin(rule.target(), "\", \""),
                           "\""),
        " ", why));
  }
  return absl::OkStatus();
}

}  // namespace ramet::server
