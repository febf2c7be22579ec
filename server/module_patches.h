#ifndef SERVER_MODULE_PATCHES_H_
#define SERVER_MODULE_PATCHES_H_

#include <stdint.h>

#include <memory>
#include <string>
#include <vector>

#include "importer/bundle.h"

namespace ramet::server {

// What travels in place of a bundle's image to a context that has another
// bundle's for the same platform. Never changed.
struct ModulePatch {
  std::string base_bundle;   // the other one's digest
  std::string platform;      // as both bundles call it
  std::string deflated;      // an RFC 1950 stream; importer/image_patch.h in it
  std::string digest;        // SHA-256 of that
  uint32_t patch_bytes = 0;  // inflated
  std::string image_digest;  // SHA-256 of the image, inflated
};

using ModulePatchPtr = std::shared_ptr<const ModulePatch>;

// Images that inflate to more are sent whole: a second of work, and 300 MB.
inline constexpr uint32_t kMaxPatchedBytes = 16 * 1024 * 1024;
// Smaller ones are not worth the trouble: a script, as it travels.
inline constexpr uint32_t kMinPatchedBytes = 48 * 1024;
// Of an image's deflated bytes, that a patch must save: otherwise the whole one
// asks less of the target.
inline constexpr double kMinSaved = 0.5;

// Whether any of its images can be patched, or be the base of a patch.
bool IsPatchable(const importer::Bundle& bundle);

// Patches from the images of `base` to those of `bundle`, where they pay. Takes
// 25 ms for a megabyte that is much alike. Pure.
std::vector<ModulePatchPtr> MakeModulePatches(const importer::Bundle& base,
                                              const importer::Bundle& bundle);

}  // namespace ramet::server

#endif  // SERVER_MODULE_PATCHES_H_
