// A bundle parses as a whole, to its last byte, or not at all; every image lies
// in the file and is the one that the manifest names.

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/check.h"
#include "core/base/sha256.h"
#include "core/wire/big_endian.h"
#include "fuzz/fuzz_input.h"
#include "importer/bundle.h"
#include "ramet/bundle.pb.h"

namespace ramet::importer {
namespace {

void Check(const std::string& file) {
  const absl::StatusOr<Bundle> bundle = Bundle::Parse(file);
  if (!bundle.ok()) {
    RAMET_CHECK(bundle.status().code() == absl::StatusCode::kDataLoss ||
                bundle.status().code() ==
                    absl::StatusCode::kFailedPrecondition);
    return;
  }
  RAMET_CHECK(!bundle->name().empty());
  size_t images_bytes = 0;
  for (const bundle::Image& image : bundle->manifest().images()) {
    const std::string_view bytes = bundle->DeflatedBytes(image);
    RAMET_CHECK(bytes.size() == image.deflated_bytes());
    RAMET_CHECK(core::Sha256Digest(bytes) == image.sha256());
    RAMET_CHECK(*bundle->FindImage(image.platform()) == &image);
    images_bytes += bytes.size();
  }
  const size_t manifest_bytes = core::LoadBe32(file.data() + 8);
  RAMET_CHECK(kBundleHeaderBytes + manifest_bytes + images_bytes ==
              file.size());
  for (const bundle::Service& service : bundle->manifest().services()) {
    RAMET_CHECK(bundle->FindService(service.name()) != nullptr);
  }
}

// The manifest and what is behind it, with a header that fits them: no fuzzer
// guesses digests.
std::string WithHeader(std::string_view manifest, std::string_view images) {
  std::string file(kBundleMagic);
  file.resize(kBundleHeaderBytes);
  core::StoreBe16(file.data() + 4, kBundleVersion);
  core::StoreBe32(file.data() + 8, static_cast<uint32_t>(manifest.size()));
  file.replace(12, core::kSha256Bytes, core::Sha256Digest(manifest));
  file.append(manifest);
  file.append(images);
  return file;
}

void Run(fuzz::FuzzInput input) {
  const uint8_t how = input.Byte();
  if (how == 0) {
    Check(std::string(input.Rest()));
    return;
  }
  const std::string_view manifest = input.Bytes(input.Uint16());
  const std::string_view images = input.Rest();
  if (how == 1) {
    Check(WithHeader(manifest, images));
    return;
  }
  // The images' digests too, and their places.
  bundle::Manifest parsed;
  if (!parsed.ParseFromArray(manifest.data(),
                             static_cast<int>(manifest.size()))) {
    return;
  }
  uint64_t at = 0;
  for (bundle::Image& image : *parsed.mutable_images()) {
    if (at > images.size()) break;
    image.set_offset(static_cast<uint32_t>(at));
    image.set_sha256(
        core::Sha256Digest(images.substr(at, image.deflated_bytes())));
    at += image.deflated_bytes();
  }
  Check(WithHeader(parsed.SerializeAsString(), images));
}

}  // namespace
}  // namespace ramet::importer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::importer::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
