// Any bytes as a patch, and any two images. What makes an image of another
// keeps within its buffers, whatever the patch says; and a patch that was made
// gives the image that it was made for.

#include <stdint.h>

#include <string>

#include "core/base/check.h"
#include "fuzz/fuzz_input.h"
#include "importer/image_patch.h"
#include "server/patch_maker.h"

namespace ramet {
namespace {

void Run(fuzz::FuzzInput input) {
  const size_t out_size = input.Uint16() % 8192;
  const std::string base(input.Bytes(input.Uint16() % 8192));
  const std::string rest(input.Rest());
  std::string out(out_size, '?');
  (void)importer::ApplyImagePatch(rest, base, out.data(), out.size());

  const std::string patch = server::MakeImagePatch(base, rest);
  if (patch.empty()) return;  // it would take too long, or nothing is wanted
  std::string made(rest.size(), '?');
  RAMET_CHECK(importer::ApplyImagePatch(patch, base, made.data(), made.size()));
  RAMET_CHECK(made == rest);
}

}  // namespace
}  // namespace ramet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
