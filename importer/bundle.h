#ifndef IMPORTER_BUNDLE_H_
#define IMPORTER_BUNDLE_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ramet/bundle.pb.h"

namespace ramet::importer {

// The fixed part of a bundle; docs/bundle_format.md is the byte-exact
// specification.
inline constexpr std::string_view kBundleMagic = "RMOD";
inline constexpr uint16_t kBundleVersion = 1;
inline constexpr size_t kBundleHeaderBytes = 44;

// The platform of an image that runs on all of them: a script. One that is for
// the very platform comes first.
inline constexpr std::string_view kAnyPlatform = "any";

// A manifest is mostly descriptors: this is room for thousands of files.
inline constexpr size_t kMaxManifestBytes = 64 * 1024 * 1024;

// A module bundle (NAME.rmod): a manifest and one deflated image for each
// platform. A value type that owns the file's bytes.
class Bundle {
 public:
  // Takes a whole file. Pure. Everything is checked but what the images
  // inflate to. Errors:
  //   DATA_LOSS            not a bundle, cut off, longer than it should be, or
  //                        changed; the text has the byte counts
  //   FAILED_PRECONDITION  a bundle of another version; build it again
  static absl::StatusOr<Bundle> Parse(std::string file);

  const bundle::Manifest& manifest() const { return manifest_; }
  const std::string& name() const { return manifest_.name(); }
  // SHA-256 of the manifest, which has those of the images: names the bundle's
  // contents.
  const std::string& digest() const { return digest_; }

  // FAILED_PRECONDITION: there is no image for `platform`, or for any; the text
  // says for which there are. The pointer lives as long as the bundle.
  absl::StatusOr<const bundle::Image*> FindImage(
      std::string_view platform) const;
  // The image as it travels: an RFC 1950 stream. Points into the bundle, also
  // after it was moved.
  std::string_view DeflatedBytes(const bundle::Image& image) const;

  // The service called `name`, or null.
  const bundle::Service* FindService(std::string_view name) const;

 private:
  Bundle() = default;

  absl::Status ParseManifest(std::string_view bytes);
  absl::Status CheckImages() const;

  std::string file_;
  size_t images_begin_ = 0;
  bundle::Manifest manifest_;
  std::string digest_;
};

}  // namespace ramet::importer

#endif  // IMPORTER_BUNDLE_H_
