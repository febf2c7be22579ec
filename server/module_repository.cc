#include "server/module_repository.h"

#include <errno.h>
#include <fcntl.h>
#include <google/protobuf/descriptor.pb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/strings.h"
#include "core/base/unique_fd.h"
#include "core/wire/method_name.h"
#include "importer/module_statement.h"
#include "parent/platform.h"
#include "server/config_file.h"
#include "server/name_pattern.h"

namespace ramet::server {
namespace {

// Larger than any image may be (importer/image_limits.h).
constexpr off_t kMaxBundleBytes = 1024 * 1024 * 1024;

// Where minisign puts a file's signature.
constexpr char kSignatureSuffix[] = ".minisig";

absl::Status WithOrigin(const absl::Status& status, const std::string& origin) {
  return absl::Status(status.code(),
                      absl::StrCat("bundle ", origin, ": ", status.message()));
}

bool Has(const importer::Bundle& bundle, const std::string& service) {
  return bundle.FindService(service) != nullptr;
}

// Descriptors that can't be read say nothing: whoever needs them tells.
void AddMethods(const importer::Bundle& bundle,
                ModuleRepository::MethodStreams* streams) {
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromString(bundle.manifest().file_descriptor_set())) return;
  for (const auto& file : files.file()) {
    for (const auto& service : file.service()) {
      const std::string prefix =
          absl::StrCat("/", file.package(), file.package().empty() ? "" : ".",
                       service.name(), "/");
      for (const auto& method : service.method()) {
        (*streams)[prefix + method.name()] = {method.client_streaming(),
                                              method.server_streaming()};
      }
    }
  }
}

// As the latest of `versions`.
void Remember(const ModuleRepository::BundlePtr& bundle, size_t most,
              std::vector<ModuleRepository::BundlePtr>* versions) {
  for (size_t i = 0; i < versions->size(); ++i) {
    if ((*versions)[i]->digest() != bundle->digest()) continue;
    versions->erase(versions->begin() + i);
    break;
  }
  versions->push_back(bundle);
  if (versions->size() > most) versions->erase(versions->begin());
}

}  // namespace

absl::StatusOr<std::string> ReadSignatureFile(const std::string& path) {
  absl::StatusOr<std::string> text =
      ReadConfigFile("signature", path, kMaxSignatureBytes);
  if (absl::IsNotFound(text.status())) return std::string();
  return text;
}

absl::StatusOr<std::string> ReadBundleFile(const std::string& path) {
  const core::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    const int error = errno;
    const std::string text =
        absl::StrCat("cannot open bundle ", path, ": ", strerror(error));
    if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(text);
    if (error == EACCES) return absl::PermissionDeniedError(text);
    return absl::UnavailableError(text);
  }
  struct stat info;
  if (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::DataLossError(
        absl::StrCat("bundle ", path, " is not a regular file"));
  }
  if (info.st_size > kMaxBundleBytes) {
    return absl::DataLossError(absl::StrCat(
        "bundle ", path, " has ", info.st_size, " bytes, more than any may"));
  }
  std::string bytes(info.st_size, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        read(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot read bundle ", path, ": ", strerror(errno)));
    }
    if (count == 0) break;
    done += count;
  }
  bytes.resize(done);
  return bytes;
}

ModuleRepository::ModuleRepository(BundleChecks checks)
    : checks_(std::move(checks)) {}

absl::Status ModuleRepository::LoadFile(const std::string& path) {
  absl::StatusOr<LoadedPtr> loaded = ReadFile(path, policy());
  if (!loaded.ok()) return loaded.status();
  Add(*std::move(loaded));
  return absl::OkStatus();
}

absl::StatusOr<ModuleRepository::LoadedPtr> ModuleRepository::Load(
    std::string bytes, const std::string& origin, const LoadOptions& options) {
  absl::StatusOr<LoadedPtr> loaded =
      Check(std::move(bytes), origin, options, policy());
  if (!loaded.ok()) return loaded;
  return Add(*std::move(loaded));
}

ModuleRepository::LoadedPtr ModuleRepository::Add(LoadedPtr loaded) {
  {
    absl::MutexLock lock(&mutex_);
    // There may be another policy by now.
    loaded = WithSigner(KeysWith(policy_), loaded);
    loaded_.push_back(loaded);
    Rebuild();
  }
  TellChange();
  return loaded;
}

ModuleRepository::Keys ModuleRepository::KeysWith(
    const ModulePolicy& policy) const {
  Keys keys = policy.keys();
  keys.insert(keys.end(), checks_.keys.begin(), checks_.keys.end());
  return keys;
}

ModulePolicy ModuleRepository::policy() const {
  absl::MutexLock lock(&mutex_);
  return policy_;
}

absl::Status ModuleRepository::ReplaceWith(
    const std::vector<std::string>& paths, ModulePolicy policy) {
  std::vector<LoadedPtr> all;
  for (const std::string& path : paths) {
    absl::StatusOr<LoadedPtr> loaded = ReadFile(path, policy);
    if (!loaded.ok()) return loaded.status();
    all.push_back(*std::move(loaded));
  }
  {
    absl::MutexLock lock(&mutex_);
    loaded_.swap(all);
    policy_ = std::move(policy);
    Rebuild();
  }
  TellChange();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ModuleRepository::LoadedPtr>>
ModuleRepository::Unload(std::string_view what) {
  std::vector<LoadedPtr> removed;
  {
    absl::MutexLock lock(&mutex_);
    std::vector<LoadedPtr> kept;
    for (const LoadedPtr& each : loaded_) {
      const std::string digest = absl::BytesToHexString(each->bundle->digest());
      const bool named = each->bundle->name() == what ||
                         (what.size() >= kMinDigestDigits &&
                          digest.compare(0, what.size(), what) == 0);
      (named ? removed : kept).push_back(each);
    }
    if (removed.empty()) {
      return absl::NotFoundError(
          absl::StrCat("no loaded bundle is called ", std::string(what),
                       " or has a digest that begins so"));
    }
    loaded_.swap(kept);
    Rebuild();
  }
  TellChange();
  return removed;
}

void ModuleRepository::SetPolicy(ModulePolicy policy) {
  {
    absl::MutexLock lock(&mutex_);
    policy_ = std::move(policy);
    const Keys keys = KeysWith(policy_);
    for (LoadedPtr& each : loaded_) each = WithSigner(keys, each);
    Rebuild();
  }
  TellChange();
}

ModuleRepository::LoadedPtr ModuleRepository::WithSigner(const Keys& keys,
                                                         LoadedPtr loaded) {
  if (loaded->statement_signature.empty()) return loaded;
  auto changed = std::make_shared<LoadedModule>(*loaded);
  auto statement = SignedStatement::Check(*changed->bundle,
                                          changed->statement_signature, keys);
  // It was good when it was loaded, or nobody's who was known then.
  if (!statement.ok()) statement = SignedStatement();
  changed->statement = *std::move(statement);
  changed->subject.signer.clear();
  if (!changed->statement.signer.empty()) {
    changed->subject.signer = core::Concat(
        {importer::kKeyPrefix, core::Hex(changed->statement.signer)});
  }
  return changed;
}

absl::StatusOr<ModuleRepository::LoadedPtr> ModuleRepository::Check(
    std::string bytes, const std::string& origin, const LoadOptions& options,
    const ModulePolicy& policy) const {
  auto loaded = std::make_shared<LoadedModule>();
  // Before anything of it is believed.
  absl::StatusOr<std::string> signer =
      checks_.CheckSignature(bytes, options.signature);
  if (!signer.ok()) return WithOrigin(signer.status(), origin);
  absl::StatusOr<importer::Bundle> bundle =
      importer::Bundle::Parse(std::move(bytes));
  if (!bundle.ok()) return WithOrigin(bundle.status(), origin);
  const absl::Status sizes = checks_.CheckSizes(*bundle);
  if (!sizes.ok()) return WithOrigin(sizes, origin);
  loaded->bundle = std::make_shared<const importer::Bundle>(*std::move(bundle));
  loaded->origin = origin;
  loaded->targets = options.targets;
  loaded->signer = *std::move(signer);
  loaded->subject = {loaded->bundle->name(), loaded->bundle->digest(),
                     ImageTexts(*loaded->bundle)};
  loaded->statement_signature = options.statement_signature;
  const Keys keys = KeysWith(policy);
  absl::Status statement =
      SignedStatement::Check(*loaded->bundle, options.statement_signature, keys)
          .status();
  AddPatches(loaded.get());
  LoadedPtr result = WithSigner(keys, std::move(loaded));
  if (statement.ok()) statement = policy.CheckSigned(result->subject);
  if (!statement.ok()) return WithOrigin(statement, origin);
  return result;
}

absl::StatusOr<ModuleRepository::LoadedPtr> ModuleRepository::ReadFile(
    const std::string& path, const ModulePolicy& policy) const {
  LoadOptions options;
  if (!checks_.keys.empty()) {
    auto signature = ReadSignatureFile(path + kSignatureSuffix);
    if (!signature.ok()) return signature.status();
    options.signature = *std::move(signature);
  }
  auto statement_signature = ReadSignatureFile(path + kStatementSuffix);
  if (!statement_signature.ok()) return statement_signature.status();
  options.statement_signature = *std::move(statement_signature);
  absl::StatusOr<std::string> bytes = ReadBundleFile(path);
  if (!bytes.ok()) return bytes.status();
  return Check(*std::move(bytes), path, options, policy);
}

void ModuleRepository::AddPatches(LoadedModule* loaded) const {
  std::vector<BundlePtr> bases;
  {
    absl::MutexLock lock(&mutex_);
    const auto recent = recent_.find(loaded->bundle->name());
    if (recent == recent_.end()) return;
    bases = recent->second;
  }
  for (const BundlePtr& base : bases) {
    if (base->digest() == loaded->bundle->digest()) continue;
    for (ModulePatchPtr& patch : MakeModulePatches(*base, *loaded->bundle)) {
      loaded->patches.push_back(std::move(patch));
    }
  }
}

ModulePatchPtr ModuleRepository::FindPatch(std::string_view base_bundle,
                                           std::string_view bundle,
                                           std::string_view platform) const {
  absl::MutexLock lock(&mutex_);
  for (const LoadedPtr& each : loaded_) {
    if (each->bundle->digest() != bundle) continue;
    for (const ModulePatchPtr& patch : each->patches) {
      if (patch->base_bundle == base_bundle && patch->platform == platform) {
        return patch;
      }
    }
  }
  return nullptr;
}

void ModuleRepository::ForgetUnreachable() {
  const auto replaced = [this](size_t i, const std::string& service) {
    for (size_t later = i + 1; later < loaded_.size(); ++later) {
      if (Has(*loaded_[later]->bundle, service) &&
          (loaded_[later]->for_all() ||
           loaded_[later]->targets == loaded_[i]->targets)) {
        return true;
      }
    }
    return false;
  };
  std::vector<LoadedPtr> kept;
  for (size_t i = 0; i < loaded_.size(); ++i) {
    bool reachable = false;
    for (const auto& service : loaded_[i]->bundle->manifest().services()) {
      reachable = reachable || !replaced(i, service.name());
    }
    if (reachable) kept.push_back(loaded_[i]);
  }
  loaded_.swap(kept);
}

void ModuleRepository::Rebuild() {
  ForgetUnreachable();
  by_service_.clear();
  services_.clear();
  streams_.clear();
  std::set<std::string> loaded_names;
  for (const LoadedPtr& each : loaded_) {
    for (const auto& service : each->bundle->manifest().services()) {
      auto& versions = by_service_[service.name()];
      versions.insert(versions.begin(), each);
    }
    AddMethods(*each->bundle, &streams_);
    loaded_names.insert(each->bundle->name());
    if (IsPatchable(*each->bundle)) {
      Remember(each->bundle, kMaxRecent, &recent_[each->bundle->name()]);
    }
  }
  for (auto recent = recent_.begin(); recent != recent_.end();) {
    recent = loaded_names.count(recent->first) > 0 ? std::next(recent)
                                                   : recent_.erase(recent);
  }
  for (const auto& [service, versions] : by_service_) {
    services_[service] = versions.front()->bundle;
    for (const LoadedPtr& each : versions) {
      if (!each->for_all()) continue;
      services_[service] = each->bundle;
      break;
    }
  }
  ++generation_;
}

void ModuleRepository::TellChange() {
  absl::MutexLock lock(&listeners_mutex_);
  for (const auto& [id, listener] : listeners_) listener();
}

uint64_t ModuleRepository::AddListener(Listener listener) {
  absl::MutexLock lock(&listeners_mutex_);
  listeners_.emplace(++last_listener_, std::move(listener));
  return last_listener_;
}

void ModuleRepository::RemoveListener(uint64_t id) {
  absl::MutexLock lock(&listeners_mutex_);
  listeners_.erase(id);
}

std::vector<ModuleRepository::LoadedPtr> ModuleRepository::loaded() const {
  absl::MutexLock lock(&mutex_);
  return loaded_;
}

ModuleRepository::Services ModuleRepository::services() const {
  absl::MutexLock lock(&mutex_);
  return services_;
}

uint64_t ModuleRepository::generation() const {
  absl::MutexLock lock(&mutex_);
  return generation_;
}

ModuleRepository::Streams ModuleRepository::StreamsOf(
    std::string_view method) const {
  absl::MutexLock lock(&mutex_);
  const auto it = streams_.find(method);
  return it == streams_.end() ? Streams() : it->second;
}

ModuleRepository::BundlePtr ModuleRepository::FindService(
    std::string_view service) const {
  absl::MutexLock lock(&mutex_);
  auto it = services_.find(service);
  return it == services_.end() ? nullptr : it->second;
}

absl::StatusOr<ModuleRepository::BundlePtr> ModuleRepository::FindFor(
    std::string_view service, std::string_view target) const {
  absl::MutexLock lock(&mutex_);
  const auto versions = by_service_.find(service);
  const std::string name(service);
  if (versions == by_service_.end()) {
    return absl::UnimplementedError(
        absl::StrCat("unknown service ", name, ": no loaded bundle has it"));
  }
  for (const LoadedPtr& each : versions->second) {
    if (!each->for_all() && !MatchesTargetOrAbove(each->targets, target)) {
      continue;
    }
    const absl::Status allowed = policy_.Check(each->subject, target);
    if (!allowed.ok()) return allowed;
    return each->bundle;
  }
  return absl::UnimplementedError(absl::StrCat("unknown service ", name,
                                               ": no bundle for ",
                                               std::string(target), " has it"));
}

absl::Status ModuleRepository::CheckPolicy(const std::string& name,
                                           std::string_view digest,
                                           std::string_view target) const {
  absl::MutexLock lock(&mutex_);
  for (const LoadedPtr& each : loaded_) {
    if (each->bundle->digest() == digest) {
      return policy_.Check(each->subject, target);
    }
  }
  return policy_.Check({name, std::string(digest), {}}, target);
}

SignedStatement ModuleRepository::FindStatement(std::string_view digest) const {
  absl::MutexLock lock(&mutex_);
  SignedStatement statement;
  for (const LoadedPtr& each : loaded_) {
    if (each->bundle->digest() == digest &&
        !each->statement.signature.empty()) {
      statement = each->statement;
    }
  }
  return statement;
}

std::vector<std::string> ModuleRepository::Locks(
    std::string_view target) const {
  absl::MutexLock lock(&mutex_);
  std::vector<PolicySubject> subjects;
  for (const LoadedPtr& each : loaded_) subjects.push_back(each->subject);
  return policy_.Locks(subjects, target);
}

absl::StatusOr<ModuleRepository::BundlePtr> ModuleRepository::FindMethod(
    std::string_view method, std::string_view target) const {
  core::MethodName name;
  if (!core::ParseMethodName(method, &name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "bad method \"", absl::string_view(method.data(), method.size()),
        "\": expected /SERVICE/METHOD"));
  }
  absl::StatusOr<BundlePtr> found = FindFor(name.service, target);
  if (!found.ok()) return found;
  const BundlePtr& bundle = *found;
  bool known = false;
  for (const auto& each :
       bundle->FindService(std::string(name.service))->methods()) {
    known = known || each.name() == name.method;
  }
  if (!known) {
    return absl::UnimplementedError(
        absl::StrCat("unknown method ", std::string(name.service), "/",
                     std::string(name.method), ": bundle ", bundle->name(),
                     " does not have it"));
  }
  for (const char* platform : parent::kAgentPlatforms) {
    if (bundle->FindImage(platform).ok()) return found;
  }
  return bundle->FindImage(parent::ThisPlatform().name).status();
}

}  // namespace ramet::server
