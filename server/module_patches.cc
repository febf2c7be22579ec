#include "server/module_patches.h"

#include <zlib.h>

#include <string_view>
#include <utility>

#include "core/base/sha256.h"
#include "server/patch_maker.h"

namespace ramet::server {
namespace {

const Bytef* AsBytes(std::string_view bytes) {
  return reinterpret_cast<const Bytef*>(bytes.data());
}

// Empty: it does not inflate to what the manifest says, which the context that
// gets it will tell.
std::string Inflate(const importer::Bundle& bundle,
                    const bundle::Image& image) {
  const std::string_view deflated = bundle.DeflatedBytes(image);
  std::string bytes(image.image_bytes(), '\0');
  uLongf size = bytes.size();
  const int code = uncompress(reinterpret_cast<Bytef*>(bytes.data()), &size,
                              AsBytes(deflated), deflated.size());
  return code == Z_OK && size == bytes.size() ? bytes : std::string();
}

std::string Deflate(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string deflated(size, '\0');
  const int code = compress2(reinterpret_cast<Bytef*>(deflated.data()), &size,
                             AsBytes(bytes), bytes.size(), Z_BEST_COMPRESSION);
  deflated.resize(code == Z_OK ? size : 0);
  return deflated;
}

bool IsPatchable(const bundle::Image& image) {
  return image.deflated_bytes() >= kMinPatchedBytes &&
         image.image_bytes() <= kMaxPatchedBytes;
}

// Null: it does not pay.
ModulePatchPtr MakeModulePatch(const importer::Bundle& base,
                               const bundle::Image& base_image,
                               const importer::Bundle& bundle,
                               const bundle::Image& image) {
  if (image.sha256() == base_image.sha256() || !IsPatchable(image) ||
      !IsPatchable(base_image)) {
    return nullptr;
  }
  const std::string from = Inflate(base, base_image);
  const std::string to = Inflate(bundle, image);
  if (from.empty() || to.empty()) return nullptr;
  const std::string patch = MakeImagePatch(from, to);
  auto made = std::make_shared<ModulePatch>();
  made->deflated = Deflate(patch);
  if (patch.empty() || made->deflated.empty() ||
      made->deflated.size() > image.deflated_bytes() * (1 - kMinSaved)) {
    return nullptr;
  }
  made->base_bundle = base.digest();
  made->platform = image.platform();
  made->digest = core::Sha256Digest(made->deflated);
  made->patch_bytes = static_cast<uint32_t>(patch.size());
  made->image_digest = core::Sha256Digest(to);
  return made;
}

}  // namespace

bool IsPatchable(const importer::Bundle& bundle) {
  for (const auto& image : bundle.manifest().images()) {
    if (IsPatchable(image)) return true;
  }
  return false;
}

std::vector<ModulePatchPtr> MakeModulePatches(const importer::Bundle& base,
                                              const importer::Bundle& bundle) {
  std::vector<ModulePatchPtr> patches;
  for (const auto& image : bundle.manifest().images()) {
    for (const auto& base_image : base.manifest().images()) {
      if (base_image.platform() != image.platform()) continue;
      ModulePatchPtr patch = MakeModulePatch(base, base_image, bundle, image);
      if (patch != nullptr) patches.push_back(std::move(patch));
    }
  }
  return patches;
}

}  // namespace ramet::server
