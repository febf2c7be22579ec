#include "server/module_delivery.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/sha256.h"
#include "core/base/strings.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"
#include "importer/image_limits.h"
#include "importer/module_locks.h"
#include "parent/platform.h"
#include "server/module_announcement.h"

namespace ramet::server {

using core::ModuleNotice;

namespace {

// An announcement is one frame: what is in it beside the module, at most.
constexpr size_t kRoomForTheRest = 1024;

// Images of bundles that serve nothing there any more.
void ForgetReplaced(ContextDirectory::Entry* entry) {
  for (auto image = entry->images.begin(); image != entry->images.end();) {
    bool serves = false;
    for (const auto& [service, bundle] : entry->delivered) {
      serves = serves || bundle == image->first;
    }
    image = serves ? std::next(image) : entry->images.erase(image);
  }
}

}  // namespace

ModuleDelivery::ModuleDelivery(core::Context* context,
                               const ModuleRepository* modules,
                               ContextDirectory* directory, uint32_t idle_ms)
    : context_(context),
      modules_(modules),
      directory_(directory),
      idle_ms_(idle_ms),
      courier_(context, &cache_, this) {
  // A copy of what is being sent: every image fits.
  cache_.set_max_bytes(importer::kMaxImageBytes);
  context_->AddRouteLostHandler(
      [this](core::ContextId id, const core::Status&) { got_.erase(id); });
}

absl::Status ModuleDelivery::Ensure(const importer::Bundle& bundle,
                                    std::string_view service,
                                    ContextDirectory::Entry* entry) {
  const auto serves = entry->delivered.find(std::string(service));
  if (serves != entry->delivered.end() && serves->second == bundle.digest()) {
    return absl::OkStatus();
  }
  const absl::Status announced = Announce(bundle, Occasion::kCall, "", entry);
  if (!announced.ok()) return announced;
  got_[entry->id] = Got{bundle.name(), context_->loop()->NowUs()};
  EnsureRelated(bundle, entry);
  return absl::OkStatus();
}

void ModuleDelivery::EnsureRelated(const importer::Bundle& bundle,
                                   ContextDirectory::Entry* entry) {
  std::set<std::string> seen;
  EnsureRelated(bundle, entry, &seen);
}

void ModuleDelivery::EnsureRelated(const importer::Bundle& bundle,
                                   ContextDirectory::Entry* entry,
                                   std::set<std::string>* seen) {
  // Those that a lock refuses are not delivered, and may be related both ways.
  if (!seen->insert(bundle.digest()).second) return;
  const auto& stated = bundle.manifest().related_modules();
  std::vector<std::string> names(stated.begin(), stated.end());
  const auto learned = learned_.find(bundle.name());
  if (learned != learned_.end()) {
    names.insert(names.end(), learned->second.begin(), learned->second.end());
  }
  for (const std::string& name : names) {
    const ModuleRepository::BundlePtr related = FindModule(name, entry->name);
    // One that is not loaded, or not for this context or its platform, is asked
    // for, in vain, when it is needed.
    if (related == nullptr || IsDelivered(*related, *entry) ||
        !Announce(*related, Occasion::kRelated, "", entry).ok()) {
      continue;
    }
    EnsureRelated(*related, entry, seen);
  }
}

bool ModuleDelivery::IsDelivered(const importer::Bundle& bundle,
                                 const ContextDirectory::Entry& entry) {
  for (const auto& service : bundle.manifest().services()) {
    const auto serves = entry.delivered.find(service.name());
    if (serves != entry.delivered.end() && serves->second == bundle.digest()) {
      return true;
    }
  }
  return false;
}

ModulePatchPtr ModuleDelivery::FindPatch(const importer::Bundle& bundle,
                                         const bundle::Image& image,
                                         const ContextDirectory::Entry& entry,
                                         std::string* base) const {
  // Who holds locks takes none: they know whole images.
  if (!entry.locks.empty()) return nullptr;
  for (const auto& service : bundle.manifest().services()) {
    const auto serves = entry.delivered.find(service.name());
    if (serves == entry.delivered.end()) continue;
    const auto announced = entry.images.find(serves->second);
    if (announced == entry.images.end()) continue;
    *base = announced->second;
    const ModulePatchPtr patch =
        modules_->FindPatch(serves->second, bundle.digest(), image.platform());
    if (patch != nullptr) return patch;
  }
  return nullptr;
}

absl::Status ModuleDelivery::Announce(const importer::Bundle& bundle,
                                      Occasion occasion,
                                      const std::string& asked,
                                      ContextDirectory::Entry* entry) {
  auto image = bundle.FindImage(entry->platform);
  for (const char* platform : parent::kAgentPlatforms) {
    // A guess: the context may well be what the bundle was made for.
    if (!entry->ready && !image.ok()) image = bundle.FindImage(platform);
  }
  if (!image.ok()) return image.status();
  core::LoadModule load = AnnounceModule(bundle, **image, idle_ms_);
  if (load.platform == importer::kAnyPlatform) load.platform = entry->platform;
  std::string_view bytes = bundle.DeflatedBytes(**image);
  // One that is asked for has perhaps no base for a patch.
  const ModulePatchPtr patch =
      occasion == Occasion::kCall
          ? FindPatch(bundle, **image, *entry, &load.base)
          : nullptr;
  if (patch != nullptr) {
    bytes = patch->deflated;
    load.digest = patch->digest;
    load.deflated_bytes = static_cast<uint32_t>(bytes.size());
    load.patch_bytes = patch->patch_bytes;
    load.image_digest = patch->image_digest;
  } else {
    load.base.clear();
  }
  // Not what another bundle has for this context, or the policy refuses.
  load.services.erase(
      std::remove_if(load.services.begin(), load.services.end(),
                     [&](const core::ModuleService& each) {
                       const auto found =
                           modules_->FindFor(each.name, entry->name);
                       return !found.ok() ||
                              (*found)->digest() != bundle.digest();
                     }),
      load.services.end());
  ModuleNotice notice;
  notice.kind = ModuleNotice::kService;
  notice.target = entry->id;
  notice.name = asked;
  notice.digest = load.digest;
  const std::string locks = absl::StrJoin(entry->locks, "");
  const Verdict& verdict = Judge(locks, bundle.digest(), load);
  load.statement = verdict.statement;
  load.signature = verdict.signature;
  load.signer = verdict.signer;
  notice.module = core::SerializeControl(load);
  if (notice.module.size() + kRoomForTheRest > core::kMaxPayloadBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("module ", bundle.name(),
                     " has too many methods or variables to be announced"));
  }
  // The context sees to its locks itself: it is told, so that it answers calls.
  // What it has serves on, and images that it refuses need not travel.
  if (verdict.refused) {
    const bool serves = OnRefused(bundle, verdict.lock, load, entry);
    if (serves && asked.empty()) return absl::OkStatus();
    // One that asks after all was started without them, by a hop that left them
    // out: it would ask for the image, and then again.
    if (asked.empty()) notice.digest.clear();
    courier_.Pass(notice);
    return absl::OkStatus();
  }
  // Now, while this bundle is known to have it.
  if (cache_.Find(load.digest) == nullptr) {
    importer::CachedImage* const cached = cache_.Add(load.digest);
    if (cached != nullptr &&
        !cache_.Append(cached, static_cast<uint32_t>(bytes.size()), 0, bytes)
             .ok()) {
      cache_.Remove(cached);  // or it would be waited for
    }
  }
  courier_.Pass(notice);
  for (const core::ModuleService& service : load.services) {
    entry->delivered[service.name] = bundle.digest();
  }
  if (occasion != Occasion::kRelated) {
    entry->images[bundle.digest()] = load.digest;
  }
  ForgetReplaced(entry);
  return absl::OkStatus();
}

const ModuleDelivery::Verdict& ModuleDelivery::Judge(
    const std::string& locks, const std::string& bundle,
    const core::LoadModule& load) {
  if (verdicts_.size() >= kMaxVerdicts) verdicts_.clear();
  // Digests have one length.
  const auto [at, added] =
      verdicts_.try_emplace(absl::StrCat(bundle, load.digest, locks));
  Verdict& verdict = at->second;
  if (!added || locks.empty()) return verdict;
  core::LoadModule signed_load = load;
  modules_->FindStatement(bundle).AddTo(locks, &signed_load);
  const std::string_view lock = importer::FindRefusing(locks, signed_load);
  verdict = {signed_load.statement, signed_load.signature, signed_load.signer,
             lock.data() != nullptr, std::string(lock)};
  return verdict;
}

bool ModuleDelivery::OnRefused(const importer::Bundle& bundle,
                               std::string_view lock,
                               const core::LoadModule& load,
                               ContextDirectory::Entry* entry) {
  bool serves = false;
  for (const core::ModuleService& service : load.services) {
    serves = serves || entry->delivered.count(service.name) > 0;
  }
  if (entry->told_refused.insert(bundle.digest()).second) {
    context_->Log(
        core::LogLevel::kWarning, "modules",
        absl::StrCat("context ", entry->name, " gets no module ", bundle.name(),
                     " (", importer::ImageText(load),
                     "): locked since its start: ",
                     absl::string_view(lock.data(), lock.size()),
                     serves ? "; the version that it has serves on" : ""));
  }
  return serves;
}

void ModuleDelivery::TellOldLocks() {
  std::vector<std::string> names;
  size_t more = 0;
  for (const ContextDirectory::Entry* const entry : directory_->ListLinked()) {
    bool old = false;
    // Those of contexts above come first, and may be old as well.
    const std::vector<std::string> now = modules_->Locks(entry->name);
    for (const std::string& lock : now) {
      old = old || std::find(entry->locks.begin(), entry->locks.end(), lock) ==
                       entry->locks.end();
    }
    for (const std::string& lock : entry->locks) {
      old = old || std::find(now.begin(), now.end(), lock) == now.end();
    }
    if (!old) continue;
    if (names.size() < kMaxToldNames) {
      names.push_back(entry->name);
    } else {
      ++more;
    }
  }
  if (names.empty()) return;
  context_->Log(
      core::LogLevel::kWarning, "modules",
      absl::StrCat("locked rules have changed, for contexts that are started "
                   "from now on; those of their start stay with ",
                   absl::StrJoin(names, ", "),
                   more > 0 ? absl::StrCat(" and ", more, " more") : ""));
}

void ModuleDelivery::Withdraw(const std::vector<std::string>& services,
                              ContextDirectory::Entry* entry) {
  for (const std::string& service : services) {
    core::LoadModule nothing;  // no digest: from whoever serves it
    nothing.name = service;
    nothing.services.push_back({service, {}});
    entry->delivered.erase(service);
    ModuleNotice notice;
    notice.kind = ModuleNotice::kService;
    notice.target = entry->id;
    notice.module = core::SerializeControl(nothing);
    courier_.Pass(notice);
  }
}

void ModuleDelivery::OnAsked(const ModuleNotice& notice) {
  if (notice.kind == ModuleNotice::kImage) return GiveImage(notice.digest);
  const absl::Status answered = notice.kind == ModuleNotice::kService
                                    ? AnswerService(notice)
                                    : AnswerNamed(notice);
  if (answered.ok()) return;
  ModuleNotice failure = notice;
  failure.code = static_cast<uint32_t>(answered.code());
  told_unknown_ = told_unknown_ || absl::IsUnimplemented(answered);
  courier_.Pass(failure);
}

void ModuleDelivery::GiveImage(const std::string& digest) {
  for (const ModuleRepository::LoadedPtr& loaded : modules_->loaded()) {
    std::string_view bytes;
    for (const auto& image : loaded->bundle->manifest().images()) {
      if (image.sha256() == digest)
        bytes = loaded->bundle->DeflatedBytes(image);
    }
    for (const ModulePatchPtr& patch : loaded->patches) {
      if (patch->digest == digest) bytes = patch->deflated;
    }
    if (bytes.empty()) continue;
    (void)cache_.Append(cache_.Find(digest),
                        static_cast<uint32_t>(bytes.size()), 0, bytes);
    return;
  }
}

absl::Status ModuleDelivery::AnswerService(const ModuleNotice& notice) {
  if (modules_->FindService(notice.name) == nullptr) {
    return absl::UnimplementedError("unknown service");
  }
  ContextDirectory::Entry* const entry =
      directory_->FindLinked(directory_->NameOf(notice.target));
  if (entry == nullptr) return absl::UnavailableError("no such context");
  // Not for it, but perhaps for others: that must not be remembered.
  const absl::StatusOr<ModuleRepository::BundlePtr> bundle =
      modules_->FindFor(notice.name, entry->name);
  if (absl::IsUnimplemented(bundle.status())) {
    return absl::FailedPreconditionError(bundle.status().message());
  }
  if (!bundle.ok()) return bundle.status();
  const absl::Status announced =
      Announce(**bundle, Occasion::kAsked, notice.name, entry);
  if (!announced.ok()) return announced;
  Learn(*entry, **bundle);
  EnsureRelated(**bundle, entry);
  return absl::OkStatus();
}

absl::Status ModuleDelivery::AnswerNamed(const ModuleNotice& notice) {
  const std::string bytes =
      named_ ? named_(notice.kind, notice.name) : std::string();
  if (bytes.empty()) return absl::UnimplementedError("unknown name");
  core::LoadModule load;
  load.name = notice.name;
  load.digest = core::Sha256Digest(bytes);
  load.deflated_bytes = load.image_bytes = static_cast<uint32_t>(bytes.size());
  ModuleNotice answer = notice;
  answer.digest = load.digest;
  answer.module = core::SerializeControl(load);
  if (cache_.Find(load.digest) == nullptr) {
    importer::CachedImage* const cached = cache_.Add(load.digest);
    if (cached != nullptr &&
        !cache_.Append(cached, load.deflated_bytes, 0, bytes).ok()) {
      cache_.Remove(cached);
    }
  }
  courier_.Pass(answer);
  return absl::OkStatus();
}

void ModuleDelivery::Learn(const ContextDirectory::Entry& entry,
                           const importer::Bundle& asked) {
  const auto got = got_.find(entry.id);
  if (got == got_.end() || got->second.module == asked.name() ||
      context_->loop()->NowUs() - got->second.at_us > kLearnWindowUs) {
    return;
  }
  std::vector<std::string>& known = learned_[got->second.module];
  uint64_t bytes = 0;
  const auto add = [&bytes](const importer::Bundle& bundle) {
    uint64_t largest = 0;
    for (const auto& image : bundle.manifest().images()) {
      largest = std::max<uint64_t>(largest, image.deflated_bytes());
    }
    bytes += largest;
  };
  for (const std::string& name : known) {
    if (name == asked.name()) return;
    const ModuleRepository::BundlePtr bundle = FindModule(name, entry.name);
    if (bundle != nullptr) add(*bundle);
  }
  add(asked);
  if (known.size() < kMaxLearned && bytes <= kMaxLearnedBytes) {
    known.push_back(asked.name());
  }
}

ModuleRepository::BundlePtr ModuleDelivery::FindModule(
    const std::string& name, const std::string& target) const {
  for (const ModuleRepository::LoadedPtr& loaded : modules_->loaded()) {
    if (loaded->bundle->name() != name) continue;
    for (const auto& service : loaded->bundle->manifest().services()) {
      const absl::StatusOr<ModuleRepository::BundlePtr> bundle =
          modules_->FindFor(service.name(), target);
      if (bundle.ok() && (*bundle)->name() == name) return *bundle;
    }
  }
  return nullptr;
}

void ModuleDelivery::OnModulesChanged() {
  verdicts_.clear();
  TellOldLocks();
  if (!told_unknown_) return;
  told_unknown_ = false;
  ModuleNotice forget;
  forget.kind = ModuleNotice::kForget;
  courier_.Pass(forget);
}

}  // namespace ramet::server
