#ifndef STUB_METADATA_H_
#define STUB_METADATA_H_

#include <stddef.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/wire/control.h"

namespace ramet::stub {

// Pairs as gRPC has them: keys are lower case, values of keys that end in
// "-bin" may be any bytes.
using MetadataPairs = std::vector<std::pair<std::string, std::string>>;

// Of all keys and values that one side may give a call. gRPC's own clients take
// 8 KiB by default.
inline constexpr size_t kMaxMetadataBytes = 64 * 1024;

// INVALID_ARGUMENT: a key has other characters than a-z 0-9 _ - . or begins
// with "grpc-", a value that is not "-bin" has other bytes than printable
// ASCII, or they are longer than kMaxMetadataBytes together. Pure.
absl::Status CheckMetadata(const MetadataPairs& metadata);
absl::Status CheckMetadataPair(const std::string& key,
                               const std::string& value);

// To what travels, and back.
std::vector<core::Metadata> ToWireMetadata(const MetadataPairs& metadata);
MetadataPairs FromWireMetadata(std::vector<core::Metadata> metadata);

}  // namespace ramet::stub

#endif  // STUB_METADATA_H_
