#include "importer/bundle.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/sha256.h"
#include "core/wire/big_endian.h"

namespace ramet::importer {
namespace {

// Offsets within the header.
constexpr size_t kVersionAt = 4;
constexpr size_t kReservedAt = 6;
constexpr size_t kManifestBytesAt = 8;
constexpr size_t kManifestDigestAt = 12;

// Where a module finds its link (docs/module_protocol.md).
constexpr char kLinkVariable[] = "RAMET_MODULE_FD";

static_assert(kManifestDigestAt + core::kSha256Bytes == kBundleHeaderBytes,
              "the header ends with the manifest's digest");

absl::Status CutOff(std::string_view part, size_t needed, size_t file_bytes) {
  return absl::DataLossError(absl::StrCat(
      "the bundle is cut off: its ",
      absl::string_view(part.data(), part.size()), " ends at byte ", needed,
      ", and the file has ", file_bytes, " bytes"));
}

}  // namespace

absl::StatusOr<Bundle> Bundle::Parse(std::string file) {
  const size_t magic_bytes = std::min(file.size(), kBundleMagic.size());
  if (file.empty() ||
      file.compare(0, magic_bytes, kBundleMagic.substr(0, magic_bytes)) != 0) {
    return absl::DataLossError(
        absl::StrCat("not a bundle: the file of ", file.size(),
                     " bytes does not begin with \"RMOD\""));
  }
  if (file.size() < kBundleHeaderBytes) {
    return CutOff("header", kBundleHeaderBytes, file.size());
  }
  const uint16_t version = core::LoadBe16(file.data() + kVersionAt);
  if (version != kBundleVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("a bundle of version ", version,
                     "; this program reads version ", kBundleVersion));
  }
  if (core::LoadBe16(file.data() + kReservedAt) != 0) {
    return absl::DataLossError("the bundle's reserved bytes 6 and 7 are not 0");
  }
  const size_t manifest_bytes = core::LoadBe32(file.data() + kManifestBytesAt);
  if (manifest_bytes > kMaxManifestBytes) {
    return absl::DataLossError(
        absl::StrCat("the bundle's manifest has ", manifest_bytes,
                     " bytes, more than the limit of ", kMaxManifestBytes));
  }
  Bundle bundle;
  bundle.images_begin_ = kBundleHeaderBytes + manifest_bytes;
  if (bundle.images_begin_ > file.size()) {
    return CutOff("manifest", bundle.images_begin_, file.size());
  }
  bundle.file_ = std::move(file);
  absl::Status status =
      bundle.ParseManifest(std::string_view(bundle.file_)
                               .substr(kBundleHeaderBytes, manifest_bytes));
  if (status.ok()) status = bundle.CheckImages();
  if (!status.ok()) return status;
  return bundle;
}

absl::Status Bundle::ParseManifest(std::string_view bytes) {
  digest_ = core::Sha256Digest(bytes);
  if (file_.compare(kManifestDigestAt, core::kSha256Bytes, digest_) != 0) {
    return absl::DataLossError(
        absl::StrCat("the bundle's manifest of ", bytes.size(),
                     " bytes does not have the SHA-256 that the header says"));
  }
  if (!manifest_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(absl::StrCat(
        "the bundle's manifest of ", bytes.size(), " bytes does not parse"));
  }
  if (manifest_.name().empty()) {
    return absl::DataLossError("the bundle's manifest has no name");
  }
  for (const std::string& variable : manifest_.process().environment()) {
    const std::string name = variable.substr(0, variable.find('='));
    if (name.empty() || name == kLinkVariable ||
        variable.find('\0') != std::string::npos) {
      return absl::DataLossError(absl::StrCat(
          "the bundle's manifest has a variable that no process may have: \"",
          name, "\""));
    }
  }
  return absl::OkStatus();
}

absl::Status Bundle::CheckImages() const {
  const size_t present = file_.size() - images_begin_;
  size_t expected = 0;
  std::set<std::string> platforms;
  for (const bundle::Image& image : manifest_.images()) {
    if (!platforms.insert(image.platform()).second) {
      return absl::DataLossError(
          absl::StrCat("the bundle has two images for ", image.platform()));
    }
    if (image.offset() != expected) {
      return absl::DataLossError(absl::StrCat(
          "the bundle's image for ", image.platform(), " is said to begin at ",
          image.offset(), " instead of ", expected));
    }
    expected += image.deflated_bytes();
    if (expected > present) {
      return CutOff("image for " + image.platform(), images_begin_ + expected,
                    file_.size());
    }
    if (core::Sha256Digest(DeflatedBytes(image)) != image.sha256()) {
      return absl::DataLossError(absl::StrCat(
          "the bundle's image for ", image.platform(), ", ",
          image.deflated_bytes(),
          " bytes, does not have the SHA-256 that the manifest says"));
    }
  }
  if (expected != present) {
    return absl::DataLossError(
        absl::StrCat("the bundle ends at byte ", images_begin_ + expected,
                     ", and the file has ", file_.size(), " bytes"));
  }
  return absl::OkStatus();
}

absl::StatusOr<const bundle::Image*> Bundle::FindImage(
    std::string_view platform) const {
  const bundle::Image* any = nullptr;
  std::string others;
  for (const bundle::Image& image : manifest_.images()) {
    if (image.platform() == platform) return &image;
    if (image.platform() == kAnyPlatform) any = &image;
    absl::StrAppend(&others, others.empty() ? "" : ", ", image.platform());
  }
  if (any != nullptr) return any;
  return absl::FailedPreconditionError(
      absl::StrCat("module ", name(), " has no image for ",
                   absl::string_view(platform.data(), platform.size()),
                   "; it has ", others.empty() ? "none" : others));
}

std::string_view Bundle::DeflatedBytes(const bundle::Image& image) const {
  return std::string_view(file_).substr(images_begin_ + image.offset(),
                                        image.deflated_bytes());
}

const bundle::Service* Bundle::FindService(std::string_view name) const {
  for (const bundle::Service& service : manifest_.services()) {
    if (service.name() == name) return &service;
  }
  return nullptr;
}

}  // namespace ramet::importer
