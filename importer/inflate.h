#ifndef IMPORTER_INFLATE_H_
#define IMPORTER_INFLATE_H_

#include <stdint.h>

#include <string_view>

#include "core/base/status.h"

namespace ramet::importer {

// Inflates all of `deflated` (zlib format, RFC 1950) into the empty file `fd`,
// which it makes `image_bytes` long. The caller has verified a digest of it:
// the format's own checksum is not looked at.
//
// DATA_LOSS: not such data, or it does not inflate to exactly `image_bytes`.
// RESOURCE_EXHAUSTED: the file can't grow that far.
core::Status InflateTo(std::string_view deflated, uint32_t image_bytes, int fd);

// Another image, and what makes the wanted one of it.
struct PatchedImage {
  int base_fd = -1;
  uint32_t base_bytes = 0;
  std::string_view deflated;  // the patch (importer/image_patch.h)
  uint32_t patch_bytes = 0;   // inflated
  std::string_view sha256;    // of the image that they give
};

// The same as InflateTo, of a patch. DATA_LOSS also when they give another
// image.
core::Status PatchTo(const PatchedImage& patched, uint32_t image_bytes, int fd);

}  // namespace ramet::importer

#endif  // IMPORTER_INFLATE_H_
