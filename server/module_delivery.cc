#include "server/module_delivery.h"

#include <algorithm>
#include <string_view>

#include "core/wire/big_endian.h"
#include "core/wire/control.h"
#include "importer/module_store.h"
#include "parent/platform.h"

namespace ramet::server {
namespace {

std::string Prefix(uint32_t transfer, importer::LoadModuleKind kind) {
  std::string prefix(importer::kLoadModulePrefixBytes, '\0');
  core::StoreBe32(prefix.data(), transfer);
  prefix[4] = static_cast<char>(kind);
  return prefix;
}

}  // namespace

absl::Status ModuleDelivery::Ensure(const importer::Bundle& bundle,
                                    ContextDirectory::Entry* entry) {
  if (entry->delivered.count(bundle.digest())) return absl::OkStatus();
  // Before its hello, a context's platform is the one that was guessed.
  const std::string platform =
      entry->ready ? entry->hello.platform : parent::ThisPlatform().name;
  const auto image = bundle.FindImage(platform);
  if (!image.ok()) return image.status();
  core::LoadModule load;
  load.name = bundle.name();
  load.digest = (*image)->sha256();
  load.platform = platform;
  load.deflated_bytes = (*image)->deflated_bytes();
  load.image_bytes = (*image)->image_bytes();
  for (const auto& service : bundle.manifest().services()) {
    load.services.emplace_back();
    load.services.back().name = service.name();
    for (const auto& method : service.methods()) {
      load.services.back().methods.push_back(
          {method.name(), static_cast<uint32_t>(method.policy())});
    }
  }
  const uint32_t transfer = next_transfer_++;
  Send(entry->id, Prefix(transfer, importer::LoadModuleKind::kBegin) +
                      core::SerializeControl(load));
  constexpr size_t kPieceBytes =
      core::kMaxPayloadBytes - importer::kLoadModulePrefixBytes;
  std::string_view rest = bundle.DeflatedBytes(**image);
  while (!rest.empty()) {
    const size_t count = std::min(rest.size(), kPieceBytes);
    std::string payload = Prefix(transfer, importer::LoadModuleKind::kPiece);
    payload.append(rest.substr(0, count));
    Send(entry->id, payload);
    rest.remove_prefix(count);
  }
  entry->delivered.insert(bundle.digest());
  return absl::OkStatus();
}

void ModuleDelivery::Send(core::ContextId target, const std::string& payload) {
  core::FrameHeader header;
  header.dst_id = target;
  header.handle = core::kLoadModule;
  context_->router().Send(header, payload);
}

}  // namespace ramet::server
