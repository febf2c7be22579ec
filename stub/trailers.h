#ifndef STUB_TRAILERS_H_
#define STUB_TRAILERS_H_

#include <string>

#include "absl/status/status.h"
#include "stub/metadata.h"

namespace ramet::stub {

// The TRAILERS part for a status, with its details (kStatusDetailsUrl) and the
// trailing metadata; empty for OK and none. Codes that gRPC doesn't know become
// UNKNOWN, texts what CleanErrorText() makes of them.
std::string SerializeTrailers(const absl::Status& status,
                              const MetadataPairs& metadata);

}  // namespace ramet::stub

#endif  // STUB_TRAILERS_H_
