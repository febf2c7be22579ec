#include "importer/module_store.h"

#include "core/base/strings.h"
#include "core/wire/big_endian.h"

namespace ramet::importer {

void ModuleStore::OnLoadModule(const core::FrameHeader& header,
                               std::string_view payload) {
  if (payload.size() < kLoadModulePrefixBytes) return;
  const uint64_t key = static_cast<uint64_t>(header.src_id) << 32 |
                       core::LoadBe32(payload.data());
  const auto kind = static_cast<LoadModuleKind>(payload[4]);
  payload.remove_prefix(kLoadModulePrefixBytes);
  if (kind == LoadModuleKind::kBegin) {
    Begin(key, payload);
    return;
  }
  const Transfer* const transfer = transfers_.Find(key);
  if (kind != LoadModuleKind::kPiece || transfer == nullptr) return;
  StoredModule& module = *transfer->module;
  ImageReceiver& receiver = *transfer->receiver;
  const core::Status status = receiver.Add(payload);
  if (module.status.ok()) module.status = status;
  if (!receiver.complete()) return;
  module.complete = true;
  if (status.ok()) module.image = receiver.TakeImage();
  transfers_.Remove(key);
}

void ModuleStore::Begin(uint64_t key, std::string_view message) {
  auto module = std::make_shared<StoredModule>();
  if (!core::ParseControl(message, &module->announced) || transfers_.Has(key) ||
      transfers_.size() >= kMaxTransfers || services_.size() >= kMaxServices) {
    return;
  }
  auto receiver = std::make_unique<ImageReceiver>(module->announced);
  if (module->announced.deflated_bytes == 0) {
    module->status = core::Error(
        core::Code::kInvalidArgument,
        {"module ", module->announced.name, ": an image of no bytes"});
  } else if (module->announced.platform != platform_) {
    module->status = core::Error(
        core::Code::kFailedPrecondition,
        {"module ", module->announced.name, " is for ",
         module->announced.platform, ", this context runs ", platform_});
  }
  for (const core::ModuleService& service : module->announced.services) {
    Service* known = nullptr;
    for (Service& each : services_) {
      if (each.name == service.name) known = &each;
    }
    if (known != nullptr) {
      known->module = module;
    } else {
      services_.push_back({service.name, module});
    }
  }
  if (module->announced.deflated_bytes > 0) {
    transfers_.Insert(key, std::unique_ptr<Transfer>(new Transfer{
                               std::move(module), std::move(receiver)}));
  }
}

std::shared_ptr<StoredModule> ModuleStore::FindService(
    std::string_view service) const {
  for (const Service& each : services_) {
    if (each.name == service) return each.module;
  }
  return nullptr;
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
