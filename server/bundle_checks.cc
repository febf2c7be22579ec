#include "server/bundle_checks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace ramet::server {

absl::Status BundleChecks::CheckSizes(const importer::Bundle& bundle) const {
  if (bundle.manifest().images_size() > kMaxImages) {
    return absl::ResourceExhaustedError(
        absl::StrCat("it has ", bundle.manifest().images_size(),
                     " images, more than ", kMaxImages));
  }
  for (const auto& image : bundle.manifest().images()) {
    const uint64_t larger =
        std::max(image.image_bytes(), image.deflated_bytes());
    if (larger <= max_image_bytes) continue;
    return absl::ResourceExhaustedError(absl::StrCat(
        "its image for ", image.platform(), " has ", image.deflated_bytes(),
        " bytes and inflates to ", image.image_bytes(),
        ", more than the limit of ", max_image_bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> BundleChecks::CheckSignature(
    std::string_view bytes, const std::string& signature) const {
  if (keys.empty()) return std::string();
  if (signature.empty()) {
    return absl::PermissionDeniedError("it is not signed, and has to be");
  }
  return VerifyMinisign(keys, bytes, signature);
}

}  // namespace ramet::server
