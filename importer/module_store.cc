#include "importer/module_store.h"

#include <fcntl.h>

#include "core/base/sha256.h"
#include "core/base/strings.h"
#include "importer/image_limits.h"
#include "importer/inflate.h"
#include "importer/module_locks.h"
#include "parent/agent_image.h"

namespace ramet::importer {

using core::Code;
using core::Error;
using core::Status;

void ModuleStore::OnAnnounced(const core::ModuleNotice& notice,
                              std::string_view locks) {
  auto module = std::make_shared<StoredModule>();
  core::LoadModule& announced = module->announced;
  if (!core::ParseControl(notice.module, &announced)) return;
  module->order = ++announcements_;
  if (announced.digest.empty()) return Install(module, true);
  const std::string_view lock = FindRefusing(locks, announced);
  if (!announced.base.empty() && !locks.empty()) {
    // Locks know whole images.
    AskForWhole(module.get());
  } else if (lock.data() != nullptr) {
    module->status =
        Error(Code::kPermissionDenied,
              {"context ", courier_->context_name(), " refuses module ",
               announced.name, " (", ImageText(announced),
               "): locked since its start: ", lock});
  } else if (announced.deflated_bytes == 0 ||
             announced.deflated_bytes > kMaxImageBytes ||
             announced.image_bytes > kMaxImageBytes ||
             announced.patch_bytes > kMaxImageBytes ||
             announced.digest.size() != core::kSha256Bytes) {
    module->status = Error(
        Code::kInvalidArgument,
        {"module ", announced.name, ": an image of ", announced.deflated_bytes,
         " bytes, ", announced.image_bytes, " inflated, is not accepted"});
  } else if (announced.platform != platform_) {
    module->status =
        Error(Code::kFailedPrecondition,
              {"module ", announced.name, " is for ", announced.platform,
               ", this context runs ", platform_});
  } else if (!announced.base.empty()) {
    module->base = FindReady(announced.base);
    // At once: one that serves already would hide it.
    if (module->base == nullptr) AskForWhole(module.get());
  }
  bool ready = false;
  if (module->status.ok()) {
    // Of another version that differs in something else.
    for (const Service& each : services_) {
      const StoredModule& known = *each.module;
      // Two patches of different bases may be the same bytes.
      if (known.image.valid() && known.announced.digest == announced.digest &&
          known.announced.image_digest == announced.image_digest &&
          known.announced.image_bytes == announced.image_bytes) {
        module->image.Reset(fcntl(known.image.get(), F_DUPFD_CLOEXEC, 0));
      }
    }
    ready = module->image.valid();
    if (ready) module->base = nullptr;
  }
  if (module->status.ok() && !ready) {
    const CachedImage* const image = courier_->Fetch(announced.digest);
    ready = image != nullptr && image->complete;
    if (!ready) {
      if (arriving_.size() >= kMaxServices) arriving_.erase(arriving_.begin());
      arriving_.push_back(module);
    }
  }
  Install(module, ready);
}

void ModuleStore::Install(const std::shared_ptr<StoredModule>& module,
                          bool ready) {
  for (const core::ModuleService& service : module->announced.services) {
    size_t i = 0;
    while (i < services_.size() && services_[i].name != service.name) ++i;
    if (i == services_.size()) {
      // Not what was unloaded before its image has come.
      if (i >= kMaxServices || module->order != announcements_) continue;
      services_.push_back({service.name, nullptr});
    } else if (module->order < services_[i].module->order ||
               (!ready && services_[i].module->image.valid()) ||
               (module->status.code() == Code::kPermissionDenied &&
                services_[i].module->status.ok())) {
      // An older one whose image has come late; or one without an image, or
      // that a lock refuses, where a good one serves.
      continue;
    }
    services_[i].module = module;
    if (module->announced.digest.empty()) {
      services_[i] = std::move(services_.back());
      services_.pop_back();
    }
  }
}

void ModuleStore::OnArrived(std::string_view digest) {
  ask_after_us_ = back_off_us_ = 0;
  for (size_t i = 0; i < arriving_.size();) {
    const std::shared_ptr<StoredModule> module = arriving_[i];
    if (module->announced.digest == digest) {
      arriving_.erase(arriving_.begin() + i);
      Install(module, true);
    } else {
      ++i;
    }
  }
}

void ModuleStore::SetFailure(std::string_view digest, const Status& why) {
  for (const Service& each : services_) {
    StoredModule& module = *each.module;
    if (module.announced.digest != digest || module.image.valid()) continue;
    module.failure = why;
    // It comes with another announcement, if at all, and MakeReady() asks.
    if (why.code() == Code::kFailedPrecondition) module.status = why;
  }
  if (why.ok() || why.code() == Code::kResourceExhausted) return;
  for (size_t i = arriving_.size(); i-- > 0;) {
    if (arriving_[i]->announced.digest == digest) {
      arriving_.erase(arriving_.begin() + i);
    }
  }
}

void ModuleStore::ReleaseImages() {
  for (const Service& each : services_) {
    if (each.module->image.valid()) {
      courier_->Release(each.module->announced.digest);
    }
  }
}

bool ModuleStore::AskAgain(int64_t now_us) {
  ImageCache* const cache = courier_->cache();
  for (const std::shared_ptr<StoredModule>& module : arriving_) {
    const core::LoadModule& announced = module->announced;
    bool wanted = false;
    for (const core::ModuleService& service : announced.services) {
      const auto serving = FindService(service.name);
      if (serving != nullptr && serving->order <= module->order) wanted = true;
    }
    if (!wanted || now_us < ask_after_us_ ||
        cache->Find(announced.digest) != nullptr ||
        !cache->MakeRoom(1, announced.deflated_bytes)) {
      continue;
    }
    back_off_us_ = 2 * back_off_us_ + kAskAgainUs;
    ask_after_us_ = now_us + back_off_us_;
    const CachedImage* const image = courier_->Fetch(announced.digest);
    if (image == nullptr || !image->complete) continue;
    OnArrived(image->digest);
    return true;
  }
  return false;
}

std::shared_ptr<StoredModule> ModuleStore::FindReady(
    std::string_view digest) const {
  for (const Service& each : services_) {
    if (each.module->image.valid() && each.module->announced.digest == digest) {
      return each.module;
    }
  }
  return nullptr;
}

std::shared_ptr<StoredModule> ModuleStore::FindService(
    std::string_view service) const {
  for (const Service& each : services_) {
    if (each.name == service) return each.module;
  }
  return nullptr;
}

bool ModuleStore::Ask(std::string_view service, bool foreign, int64_t now_us) {
  constexpr auto kKind = core::ModuleNotice::kService;
  // It would find no place here, and be asked for again.
  if (services_.size() >= kMaxServices) return false;
  bool allowed = true;
  if (foreign && !courier_->Knows(kKind, service)) {
    for (int i = 0; i < kForeignAskCost; ++i) {
      allowed = foreign_asks_.Charge(now_us, core::FrameBudget::kMaxDepth);
    }
  }
  return allowed && courier_->Ask(kKind, service);
}

bool ModuleStore::AskForWhole(StoredModule* module) {
  const core::LoadModule& announced = module->announced;
  if (module->status.ok()) {
    module->status =
        Error(Code::kFailedPrecondition,
              {"module ", announced.name, " is a patch of what is not here"});
  }
  module->base = nullptr;
  if (announced.services.empty()) return false;
  // One that has moved to another module by now would bring that.
  std::string_view service = announced.services[0].name;
  for (const Service& each : services_) {
    if (each.module.get() == module) service = each.name;
  }
  return courier_->Ask(core::ModuleNotice::kService, service);
}

Status ModuleStore::MakeReady(StoredModule* module, bool* later) {
  const core::LoadModule& announced = module->announced;
  // Announced when the platform was only guessed: the one who knows it now has
  // perhaps another image. Or as a patch, without its base.
  *later =
      module->status.code() == Code::kFailedPrecondition && AskForWhole(module);
  if (module->image.valid() || !module->status.ok()) return module->status;
  Status status = module->failure;
  if (status.ok()) {
    const CachedImage* const image = courier_->Fetch(announced.digest);
    if (image == nullptr) {
      status = Status(Code::kResourceExhausted,
                      "no room for its image, or nobody to ask for it");
    } else if (!image->complete) {
      *later = true;
      return status;
    } else {
      status = Inflate(*image, module);
    }
    if (status.code() == Code::kDataLoss && module->base != nullptr) {
      *later = AskForWhole(module);
      return module->status;
    }
    if (status.ok()) {
      module->base = nullptr;
      return status;
    }
  }
  return Error(status.code(),
               {"module ", announced.name, ": ", status.message()});
}

Status ModuleStore::Inflate(const CachedImage& image, StoredModule* module) {
  if (image.total != module->announced.deflated_bytes) {
    return Status(Code::kDataLoss, "not of the length that was announced");
  }
  int fd = -1;
  Status status = parent::MakeMemoryFile("ramet-module", {}, &fd);
  core::UniqueFd file(fd);
  const core::LoadModule& announced = module->announced;
  if (status.ok() && module->base != nullptr) {
    const PatchedImage patched{module->base->image.get(),
                               module->base->announced.image_bytes, image.bytes,
                               announced.patch_bytes, announced.image_digest};
    status = PatchTo(patched, announced.image_bytes, fd);
  } else if (status.ok()) {
    status = InflateTo(image.bytes, announced.image_bytes, fd);
  }
  if (!status.ok()) return status;
  fcntl(fd, F_ADD_SEALS,
        F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  module->image = std::move(file);
  return Status();
}

const core::ModuleMethod* FindMethod(const StoredModule& module,
                                     std::string_view service,
                                     std::string_view method) {
  for (const core::ModuleService& each : module.announced.services) {
    if (each.name != service) continue;
    for (const core::ModuleMethod& candidate : each.methods) {
      if (candidate.name == method) return &candidate;
    }
  }
  return nullptr;
}

}  // namespace ramet::importer
