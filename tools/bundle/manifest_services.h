#ifndef TOOLS_BUNDLE_MANIFEST_SERVICES_H_
#define TOOLS_BUNDLE_MANIFEST_SERVICES_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "ramet/bundle.pb.h"

namespace ramet::bundle {

// Fills in the services of `manifest` from its own file_descriptor_set: those
// that `files` (import names) define, in their order; when `only` is not
// empty, of these just the ones it names ("demo.v1.Greeter").
//
// INVALID_ARGUMENT: the descriptors are none, or a file or a service is not in
// them, or there is no service at all.
absl::Status AddServices(const std::set<std::string>& files,
                         const std::set<std::string>& only, Manifest* manifest);

}  // namespace ramet::bundle

#endif  // TOOLS_BUNDLE_MANIFEST_SERVICES_H_
