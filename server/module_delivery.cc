#include "server/module_delivery.h"

#include <algorithm>
#include <utility>

#include "core/base/sha256.h"
#include "core/base/strings.h"
#include "core/wire/control.h"
#include "importer/image_limits.h"
#include "parent/platform.h"
#include "server/module_announcement.h"

namespace ramet::server {

using core::ModuleNotice;

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
                                    ContextDirectory::Entry* entry) {
  if (entry->delivered.count(bundle.digest())) return absl::OkStatus();
  const absl::Status announced = Announce(bundle, *entry, "");
  if (!announced.ok()) return announced;
  entry->delivered.insert(bundle.digest());
  got_[entry->id] = Got{bundle.name(), context_->loop()->NowUs()};
  EnsureRelated(bundle, entry);
  return absl::OkStatus();
}

void ModuleDelivery::EnsureRelated(const importer::Bundle& bundle,
                                   ContextDirectory::Entry* entry) {
  const auto& stated = bundle.manifest().related_modules();
  std::vector<std::string> names(stated.begin(), stated.end());
  const auto learned = learned_.find(bundle.name());
  if (learned != learned_.end()) {
    names.insert(names.end(), learned->second.begin(), learned->second.end());
  }
  for (const std::string& name : names) {
    const ModuleRepository::BundlePtr related = FindModule(name);
    // One that is not loaded, or not for this platform, is asked for, in vain,
    // when it is needed.
    if (related == nullptr || entry->delivered.count(related->digest()) ||
        !Announce(*related, *entry, "").ok()) {
      continue;
    }
    entry->delivered.insert(related->digest());
    EnsureRelated(*related, entry);
  }
}

absl::Status ModuleDelivery::Announce(const importer::Bundle& bundle,
                                      const ContextDirectory::Entry& entry,
                                      const std::string& asked) {
  auto image = bundle.FindImage(entry.platform);
  for (const char* platform : parent::kAgentPlatforms) {
    // A guess: the context may well be what the bundle was made for.
    if (!entry.ready && !image.ok()) image = bundle.FindImage(platform);
  }
  if (!image.ok()) return image.status();
  const core::LoadModule load = AnnounceModule(bundle, **image, idle_ms_);
  ModuleNotice notice;
  notice.kind = ModuleNotice::kService;
  notice.target = entry.id;
  notice.name = asked;
  notice.digest = load.digest;
  notice.module = core::SerializeControl(load);
  // Now, while this bundle is known to have it.
  if (cache_.Find(load.digest) == nullptr) {
    const std::string_view bytes = bundle.DeflatedBytes(**image);
    importer::CachedImage* const cached = cache_.Add(load.digest);
    if (cached != nullptr) {
      (void)cache_.Append(cached, static_cast<uint32_t>(bytes.size()), 0,
                          bytes);
    }
  }
  courier_.Pass(notice);
  return absl::OkStatus();
}

void ModuleDelivery::OnAsked(const ModuleNotice& notice) {
  if (notice.kind == ModuleNotice::kImage) return GiveImage(notice.digest);
  if (notice.kind == ModuleNotice::kService ? AnswerService(notice)
                                            : AnswerNamed(notice)) {
    return;
  }
  ModuleNotice unknown = notice;
  unknown.code = static_cast<uint32_t>(core::Code::kUnimplemented);
  told_unknown_ = true;
  courier_.Pass(unknown);
}

void ModuleDelivery::GiveImage(const std::string& digest) {
  for (const auto& [service, bundle] : modules_->services()) {
    for (const auto& image : bundle->manifest().images()) {
      if (image.sha256() != digest) continue;
      const std::string_view bytes = bundle->DeflatedBytes(image);
      (void)cache_.Append(cache_.Find(digest),
                          static_cast<uint32_t>(bytes.size()), 0, bytes);
      return;
    }
  }
}

bool ModuleDelivery::AnswerService(const ModuleNotice& notice) {
  ContextDirectory::Entry* const entry =
      directory_->FindLinked(directory_->NameOf(notice.target));
  const ModuleRepository::BundlePtr bundle = modules_->FindService(notice.name);
  if (entry == nullptr || bundle == nullptr ||
      !Announce(*bundle, *entry, notice.name).ok()) {
    return false;
  }
  entry->delivered.insert(bundle->digest());
  Learn(entry->id, *bundle);
  EnsureRelated(*bundle, entry);
  return true;
}

bool ModuleDelivery::AnswerNamed(const ModuleNotice& notice) {
  const std::string bytes =
      named_ ? named_(notice.kind, notice.name) : std::string();
  if (bytes.empty()) return false;
  core::LoadModule load;
  load.name = notice.name;
  load.digest = core::Sha256Digest(bytes);
  load.deflated_bytes = load.image_bytes = static_cast<uint32_t>(bytes.size());
  ModuleNotice answer = notice;
  answer.digest = load.digest;
  answer.module = core::SerializeControl(load);
  if (cache_.Find(load.digest) == nullptr) {
    importer::CachedImage* const cached = cache_.Add(load.digest);
    if (cached != nullptr) {
      (void)cache_.Append(cached, load.deflated_bytes, 0, bytes);
    }
  }
  courier_.Pass(answer);
  return true;
}

void ModuleDelivery::Learn(core::ContextId context,
                           const importer::Bundle& asked) {
  const auto got = got_.find(context);
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
    const ModuleRepository::BundlePtr bundle = FindModule(name);
    if (bundle != nullptr) add(*bundle);
  }
  add(asked);
  if (known.size() < kMaxLearned && bytes <= kMaxLearnedBytes) {
    known.push_back(asked.name());
  }
}

ModuleRepository::BundlePtr ModuleDelivery::FindModule(
    const std::string& name) const {
  for (const auto& [service, bundle] : modules_->services()) {
    if (bundle->name() == name) return bundle;
  }
  return nullptr;
}

void ModuleDelivery::OnModulesChanged() {
  if (!told_unknown_) return;
  told_unknown_ = false;
  ModuleNotice forget;
  forget.kind = ModuleNotice::kForget;
  courier_.Pass(forget);
}

}  // namespace ramet::server
