#include "server/client_policy.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/config_file.h"
#include "server/name_pattern.h"

namespace ramet::server {
namespace {

constexpr char kKind[] = "clients file";
constexpr const char* kCertificatePrefixes[] = {
    "dns:", "uri:", "email:", "ip:", "cn:"};

bool IsCertificateIdentity(const std::string& identity) {
  return std::any_of(std::begin(kCertificatePrefixes),
                     std::end(kCertificatePrefixes),
                     [&identity](const char* prefix) {
                       return absl::StartsWith(identity, prefix) &&
                              identity.size() > strlen(prefix);
                     });
}

absl::Status CheckClient(const v1::Client& client) {
  if (client.name().empty()) {
    return absl::InvalidArgumentError("a client without a name");
  }
  const std::string who = absl::StrCat("client \"", client.name(), "\": ");
  if (client.certificate().empty() && client.uid().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(who, "neither certificate nor uid"));
  }
  for (const std::string& identity : client.certificate()) {
    if (!IsCertificateIdentity(identity)) {
      return absl::InvalidArgumentError(
          absl::StrCat(who, "certificate \"", identity,
                       "\" must begin with dns:, uri:, email:, ip: or cn:"));
    }
  }
  for (const v1::Rule& rule : client.allow()) {
    if (rule.method().empty() && rule.admin().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(who, "a rule with neither method nor admin"));
    }
    if (!rule.method().empty() && rule.target().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(who, "a rule with a method and no target"));
    }
    for (const auto& patterns : {rule.method(), rule.admin()}) {
      for (const std::string& pattern : patterns) {
        if (pattern != "**" && !absl::StrContains(pattern, "/")) {
          return absl::InvalidArgumentError(
              absl::StrCat(who, "method \"", pattern,
                           "\" must look like SERVICE/METHOD, or be **"));
        }
        if (absl::StartsWith(pattern, "/")) {
          return absl::InvalidArgumentError(absl::StrCat(
              who, "method \"", pattern, "\" must not begin with a slash"));
        }
      }
    }
  }
  return absl::OkStatus();
}

template <typename Patterns>
bool AnyMethod(const Patterns& patterns, std::string_view method) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [method](const std::string& pattern) {
                       return MatchesMethod(pattern, method);
                     });
}

bool AnyTarget(const v1::Rule& rule, std::string_view target) {
  return std::any_of(rule.target().begin(), rule.target().end(),
                     [target](const std::string& pattern) {
                       return MatchesTarget(pattern, target);
                     });
}

}  // namespace

absl::StatusOr<ClientPolicy> ClientPolicy::Parse(const std::string& text,
                                                 const std::string& origin) {
  ClientPolicy policy;
  const absl::Status parsed = ParseConfig(kKind, origin, text, &policy.file_);
  if (!parsed.ok()) return parsed;
  const auto fail = [&origin](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat(kKind, " ", origin, ": ", why));
  };
  for (int i = 0; i < policy.file_.client_size(); ++i) {
    const v1::Client& client = policy.file_.client(i);
    const absl::Status checked = CheckClient(client);
    if (!checked.ok()) return fail(checked.message());
    for (const std::string& identity : client.certificate()) {
      const absl::Status added = policy.Add(i, identity);
      if (!added.ok()) return fail(added.message());
    }
    for (const uint32_t uid : client.uid()) {
      const absl::Status added = policy.Add(i, absl::StrCat("uid:", uid));
      if (!added.ok()) return fail(added.message());
      policy.uids_.push_back(uid);
    }
  }
  return policy;
}

absl::StatusOr<ClientPolicy> ClientPolicy::LoadFile(const std::string& path) {
  const absl::StatusOr<std::string> text =
      ReadConfigFile(kKind, path, kMaxFileBytes);
  if (!text.ok()) return text.status();
  return Parse(*text, path);
}

absl::Status ClientPolicy::Add(int index, const std::string& identity) {
  if (by_identity_.emplace(identity, index).second) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("client \"", file_.client(index).name(), "\": ", identity,
                   " stands in more than one place"));
}

template <typename Predicate>
bool ClientPolicy::AnyRule(const Caller& caller,
                           const Predicate& predicate) const {
  if (caller.owner) return true;
  for (const std::string& identity : caller.identities) {
    const auto entry = by_identity_.find(identity);
    if (entry == by_identity_.end()) continue;
    for (const v1::Rule& rule : file_.client(entry->second).allow()) {
      if (predicate(rule)) return true;
    }
  }
  return false;
}

bool ClientPolicy::AllowsCall(const Caller& caller, std::string_view method,
                              std::string_view target) const {
  return AnyRule(caller, [method, target](const v1::Rule& rule) {
    return AnyTarget(rule, target) && AnyMethod(rule.method(), method);
  });
}

bool ClientPolicy::AllowsAdmin(const Caller& caller, std::string_view method,
                               std::string_view target) const {
  return AnyRule(caller, [method, target](const v1::Rule& rule) {
    return AnyTarget(rule, target) && AnyMethod(rule.admin(), method);
  });
}

bool ClientPolicy::AllowsAdmin(const Caller& caller,
                               std::string_view method) const {
  return AnyRule(caller, [method](const v1::Rule& rule) {
    return AnyMethod(rule.admin(), method);
  });
}

bool ClientPolicy::Knows(const Caller& caller) const {
  return caller.owner ||
         std::any_of(caller.identities.begin(), caller.identities.end(),
                     [this](const std::string& identity) {
                       return by_identity_.count(identity) > 0;
                     });
}

}  // namespace ramet::server
