#ifndef TOOLS_BUNDLE_FILES_H_
#define TOOLS_BUNDLE_FILES_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ramet::bundle {

// Whole files. NOT_FOUND when there is none, otherwise UNAVAILABLE; the text
// has the path and the system's reason.
absl::StatusOr<std::string> ReadFile(const std::string& path);
absl::Status WriteFile(const std::string& path, std::string_view bytes);

}  // namespace ramet::bundle

#endif  // TOOLS_BUNDLE_FILES_H_
