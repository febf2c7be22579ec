#ifndef IMPORTER_IMAGE_PATCH_H_
#define IMPORTER_IMAGE_PATCH_H_

#include <stddef.h>

#include <string_view>

namespace ramet::importer {

// Makes an image of another one, its base, and a patch: the `out_bytes` bytes
// at `out`. server/patch_maker.h makes patches; docs/wire_format.md is the
// format. Pure; bounded by `patch` and `out_bytes`, whatever is in it. False:
// it is no patch of such a base that gives exactly so many bytes; `out` is then
// unspecified.
bool ApplyImagePatch(std::string_view patch, std::string_view base, char* out,
                     size_t out_bytes);

}  // namespace ramet::importer

#endif  // IMPORTER_IMAGE_PATCH_H_
