#include "server/module_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/glob.h"
#include "importer/module_locks.h"
#include "importer/module_statement.h"
#include "server/config_file.h"
#include "server/name_pattern.h"

namespace ramet::server {
namespace {

constexpr char kKind[] = "module policy";
constexpr absl::string_view kBundlePrefix = "sha256:";
constexpr absl::string_view kImagePrefix(importer::kImagePrefix.data(),
                                         importer::kImagePrefix.size());
constexpr absl::string_view kKeyPrefix(importer::kKeyPrefix.data(),
                                       importer::kKeyPrefix.size());
// Of what a lock is called; a rule may have many targets.
constexpr size_t kMaxTitleBytes = 200;

bool IsFor(const v1::ModuleRule& rule, std::string_view target) {
  return rule.target().empty() ||
         std::any_of(rule.target().begin(), rule.target().end(),
                     [target](const std::string& pattern) {
                       return MatchesTargetOrAbove(pattern, target);
                     });
}

std::string BundleText(const PolicySubject& module) {
  return absl::StrCat(kBundlePrefix, absl::BytesToHexString(module.digest));
}

// A name is never taken for a digest or a key.
bool Matches(const std::string& pattern, const PolicySubject& module) {
  if (absl::StartsWith(pattern, kBundlePrefix)) {
    return core::MatchesGlob(pattern, BundleText(module));
  }
  if (absl::StartsWith(pattern, kImagePrefix)) {
    return std::any_of(module.images.begin(), module.images.end(),
                       [&pattern](const std::string& image) {
                         return core::MatchesGlob(pattern, image);
                       });
  }
  if (absl::StartsWith(pattern, kKeyPrefix)) return pattern == module.signer;
  return core::MatchesGlob(pattern, module.name);
}

// What denies an image denies it with whatever values of variables, which stand
// behind its digest.
std::string Denial(const std::string& pattern) {
  return absl::StartsWith(pattern, kImagePrefix) ? pattern + "*" : pattern;
}

// Like Matches(), of what may be allowed: without its images and signature,
// which are forgotten with a bundle, a module is not refused for them.
bool MayMatch(const std::string& pattern, const PolicySubject& module) {
  return Matches(pattern, module) ||
         (module.images.empty() && (absl::StartsWith(pattern, kImagePrefix) ||
                                    absl::StartsWith(pattern, kKeyPrefix)));
}

// "rule 2 for "ssh:lab*"", or as it is called.
std::string Title(const v1::ModuleRule& rule, int index) {
  return absl::StrCat(
      rule.name().empty() ? absl::StrCat("rule ", index + 1) : rule.name(),
      rule.target().empty()
          ? ""
          : absl::StrCat(" for \"", absl::StrJoin(rule.target(), "\", \""),
                         "\""));
}

// What stands in a line of a lock can't have one of its own.
bool IsOneLine(const std::string& text) {
  return std::none_of(text.begin(), text.end(), absl::ascii_iscntrl);
}

// Why a rule can't be what it says; empty: it can.
std::string Flaw(const v1::ModuleRule& rule) {
  // One that says nothing was meant to say something.
  if (rule.allow().empty() && rule.deny().empty() && !rule.allow_loaded()) {
    return "has neither allow nor deny";
  }
  if (rule.allow_loaded() && !rule.locked()) {
    return "has allow_loaded without locked";
  }
  for (const auto* patterns : {&rule.allow(), &rule.deny()}) {
    for (const std::string& pattern : *patterns) {
      // A digit that nothing has would deny nothing.
      if (absl::StartsWith(pattern, kImagePrefix) &&
          pattern.find_first_not_of("0123456789abcdef*+",
                                    kImagePrefix.size()) != pattern.npos) {
        return absl::StrCat("has \"", pattern,
                            "\", which is no lower-case hex");
      }
    }
  }
  for (const std::string& pattern : rule.deny()) {
    if (absl::StartsWith(pattern, kKeyPrefix)) {
      return absl::StrCat(
          "denies \"", pattern,
          "\": whoever is denied would leave out his signature");
    }
  }
  if (!rule.locked()) return "";
  for (const auto* patterns : {&rule.allow(), &rule.deny()}) {
    for (const std::string& pattern : *patterns) {
      if (pattern.empty() || !IsOneLine(pattern)) {
        return "is locked, and has a pattern that is empty or no line of text";
      }
    }
  }
  if (!IsOneLine(rule.name()) || rule.name().size() > kMaxTitleBytes) {
    return absl::StrCat("has a name of more than ", kMaxTitleBytes,
                        " bytes or one line");
  }
  for (const std::string& pattern : rule.deny()) {
    if (absl::StartsWith(pattern, kBundlePrefix)) {
      return absl::StrCat(
          "is locked and denies \"", pattern,
          "\": contexts don't know the digests of bundles; deny \"",
          kImagePrefix, "...\"");
    }
  }
  return "";
}

std::string LockOf(const v1::ModuleRule& rule, int index,
                   const std::vector<PolicySubject>& loaded) {
  std::string title = Title(rule, index);
  if (title.size() > kMaxTitleBytes) {
    // Whole characters: it becomes a part of messages that are UTF-8.
    size_t end = kMaxTitleBytes;
    while (end > 0 && (title[end] & 0xC0) == 0x80) --end;
    title.resize(end);
  }
  std::replace_if(title.begin(), title.end(), absl::ascii_iscntrl, '?');
  std::string lock = absl::StrCat("=", title, "\n");
  const auto add = [&lock](absl::string_view kind, absl::string_view pattern) {
    const std::string line = absl::StrCat(kind, pattern, "\n");
    // Two bundles may have the same image.
    if (!absl::StrContains(lock, absl::StrCat("\n", line))) lock += line;
  };
  for (const std::string& pattern : rule.deny()) add("-", Denial(pattern));
  bool only = rule.allow_loaded();
  for (const std::string& pattern : rule.allow()) {
    only = true;
    if (!absl::StartsWith(pattern, kBundlePrefix)) add("+", pattern);
  }
  if (!only) return lock;
  for (const PolicySubject& module : loaded) {
    bool named = rule.allow_loaded();
    for (const std::string& pattern : rule.allow()) {
      named = named || (absl::StartsWith(pattern, kBundlePrefix) &&
                        Matches(pattern, module));
    }
    if (!named) continue;
    for (const std::string& image : module.images) add("+", image);
  }
  // It may be that nothing is allowed; no image is called so.
  if (!absl::StrContains(lock, "\n+")) add("+", kImagePrefix);
  return lock;
}

}  // namespace

absl::Status ModulePolicy::Add(v1::ModuleRule rule) {
  const int number = file_.rule_size() + 1;
  const std::string flaw = Flaw(rule);
  if (!flaw.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("rule ", number, " ", flaw));
  }
  for (std::string& pattern : *rule.mutable_allow()) {
    if (!absl::StartsWith(pattern, kKeyPrefix)) continue;
    const auto key =
        MinisignKey::Parse(pattern.substr(kKeyPrefix.size()), "of a rule");
    if (!key.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("rule ", number, " allows \"", pattern,
                       "\", which is no public key of minisign"));
    }
    keys_.push_back(*key);
    pattern = absl::StrCat(kKeyPrefix, absl::BytesToHexString(key->key()));
  }
  *file_.add_rule() = std::move(rule);
  return absl::OkStatus();
}

absl::StatusOr<ModulePolicy> ModulePolicy::Parse(const std::string& text,
                                                 const std::string& origin) {
  v1::ModulePolicyFile file;
  const absl::Status parsed = ParseConfig(kKind, origin, text, &file);
  if (!parsed.ok()) return parsed;
  ModulePolicy policy;
  size_t lock_bytes = 0;
  for (v1::ModuleRule& rule : *file.mutable_rule()) {
    const absl::Status added = policy.Add(std::move(rule));
    if (!added.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(kKind, " ", origin, ": ", added.message()));
    }
    const int index = policy.file_.rule_size() - 1;
    const v1::ModuleRule& last = policy.file_.rule(index);
    if (last.locked()) lock_bytes += LockOf(last, index, {}).size();
  }
  // Whichever of them are for one context; images that are looked up come on
  // top when it is started.
  if (lock_bytes > importer::kMaxLocksBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(kKind, " ", origin, ": locked rules of ", lock_bytes,
                     " bytes together, of which contexts hold at most ",
                     importer::kMaxLocksBytes));
  }
  return policy;
}

absl::StatusOr<ModulePolicy> ModulePolicy::LoadFile(const std::string& path) {
  const absl::StatusOr<std::string> text =
      ReadConfigFile(kKind, path, kMaxFileBytes);
  if (!text.ok()) return text.status();
  return Parse(*text, path);
}

absl::Status ModulePolicy::Check(const PolicySubject& module,
                                 std::string_view target) const {
  for (int i = 0; i < file_.rule_size(); ++i) {
    const v1::ModuleRule& rule = file_.rule(i);
    if (!IsFor(rule, target)) continue;
    const auto denied = std::find_if(rule.deny().begin(), rule.deny().end(),
                                     [&module](const std::string& pattern) {
                                       return Matches(Denial(pattern), module);
                                     });
    std::string why;
    if (denied != rule.deny().end()) {
      why = absl::StrCat("denies \"", *denied, "\"");
    } else if (!rule.allow().empty() && !rule.allow_loaded() &&
               std::none_of(rule.allow().begin(), rule.allow().end(),
                            [&module](const std::string& pattern) {
                              return MayMatch(pattern, module);
                            })) {
      why = absl::StrCat("allows only \"",
                         absl::StrJoin(rule.allow(), "\", \""), "\"");
      if (absl::StrContains(why, absl::StrCat("\"", kKeyPrefix))) {
        absl::StrAppend(
            &why, "; its statement is signed by ",
            module.signer.empty() ? "nobody who is known here" : module.signer);
      }
    } else {
      continue;
    }
    return absl::PermissionDeniedError(absl::StrCat(
        "context ", absl::string_view(target.data(), target.size()),
        " may not get module ", module.name, " (", BundleText(module),
        "): ", Title(rule, i), " ", why));
  }
  return absl::OkStatus();
}

absl::Status ModulePolicy::CheckSigned(const PolicySubject& module) const {
  for (int i = 0; i < file_.rule_size(); ++i) {
    const v1::ModuleRule& rule = file_.rule(i);
    if (!rule.target().empty() || rule.allow().empty() || rule.allow_loaded() ||
        std::any_of(rule.allow().begin(), rule.allow().end(),
                    [&module](const std::string& pattern) {
                      return !absl::StartsWith(pattern, kKeyPrefix) ||
                             Matches(pattern, module);
                    })) {
      continue;
    }
    return absl::PermissionDeniedError(absl::StrCat(
        "its statement is not signed by a key that ", Title(rule, i),
        " allows: sign what `ramet module statement` prints"));
  }
  return absl::OkStatus();
}

std::vector<std::string> ModulePolicy::Locks(
    const std::vector<PolicySubject>& loaded, std::string_view target) const {
  std::vector<std::string> locks;
  for (int i = 0; i < file_.rule_size(); ++i) {
    const v1::ModuleRule& rule = file_.rule(i);
    if (rule.locked() && IsFor(rule, target)) {
      locks.push_back(LockOf(rule, i, loaded));
    }
  }
  return locks;
}

}  // namespace ramet::server
