#ifndef SERVER_BUNDLE_CHECKS_H_
#define SERVER_BUNDLE_CHECKS_H_

#include <stdint.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "importer/bundle.h"
#include "server/minisign.h"

namespace ramet::server {

// What a master asks of a bundle before it takes it. A value type.
struct BundleChecks {
  // Of one image, as it travels and inflated: a program that travels has a few
  // MiB; a context takes up to importer::kMaxImageBytes, which is the same.
  // What an image says here is exact: one that inflates to more is refused
  // where it is inflated.
  static constexpr uint64_t kMaxImageBytes = 256 * 1024 * 1024;
  uint64_t max_image_bytes = kMaxImageBytes;
  // Platforms that one bundle is for.
  static constexpr int kMaxImages = 16;

  // Not empty: one of them must have signed it.
  std::vector<MinisignKey> keys;

  // RESOURCE_EXHAUSTED: an image, or the number of them, is over a limit.
  absl::Status CheckSizes(const importer::Bundle& bundle) const;
  // The number of the key that has signed `bytes`; "" when none has to.
  // PERMISSION_DENIED: no signature, or VerifyMinisign's reasons.
  absl::StatusOr<std::string> CheckSignature(
      std::string_view bytes, const std::string& signature) const;
};

}  // namespace ramet::server

#endif  // SERVER_BUNDLE_CHECKS_H_
