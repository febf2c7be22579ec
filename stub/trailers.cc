#include "stub/trailers.h"

#include "absl/strings/cord.h"
#include "core/base/status.h"
#include "core/wire/control.h"
#include "stub/error_text.h"
#include "stub/status_bridge.h"

namespace ramet::stub {

std::string SerializeTrailers(const absl::Status& status,
                              const MetadataPairs& metadata) {
  if (status.ok() && metadata.empty()) return std::string();
  core::CallTrailers trailers;
  if (!status.ok()) {
    const absl::string_view text = status.message();
    trailers.code = static_cast<uint32_t>(
        core::CodeFromNumber(static_cast<uint32_t>(status.code())));
    trailers.message = CleanErrorText({text.data(), text.size()});
    if (auto details = status.GetPayload(kStatusDetailsUrl)) {
      trailers.details = std::string(*details);
    }
  }
  trailers.metadata = ToWireMetadata(metadata);
  return core::SerializeControl(trailers);
}

}  // namespace ramet::stub
