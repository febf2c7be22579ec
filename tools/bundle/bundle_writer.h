#ifndef TOOLS_BUNDLE_BUNDLE_WRITER_H_
#define TOOLS_BUNDLE_BUNDLE_WRITER_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "ramet/bundle.pb.h"

namespace ramet::bundle {

// Makes a bundle's bytes (docs/bundle_format.md; importer/bundle.h reads
// them). The same input gives the same bytes on every machine with the same
// zlib. Not thread-safe.
class BundleWriter {
 public:
  // `manifest` has everything but images.
  explicit BundleWriter(Manifest manifest);

  // Deflates an executable image and adds it. INVALID_ARGUMENT: the platform
  // has an image already, the image is empty, or it is for any platform and
  // no script. OUT_OF_RANGE: more than 4 GiB.
  absl::Status AddImage(const std::string& platform, std::string_view image);

  std::string Finish() const;

 private:
  Manifest manifest_;
  std::string deflated_;
};

}  // namespace ramet::bundle

#endif  // TOOLS_BUNDLE_BUNDLE_WRITER_H_
