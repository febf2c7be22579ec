#include "stub/metadata.h"

#include <string_view>

namespace ramet::stub {
namespace {

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         text.substr(text.size() - end.size()) == end;
}

bool IsKey(std::string_view key) {
  for (const char c : key) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
          c == '-' || c == '.')) {
      return false;
    }
  }
  return !key.empty();
}

bool IsPrintable(std::string_view value) {
  for (const char c : value) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

}  // namespace

absl::Status CheckMetadataPair(const std::string& key,
                               const std::string& value) {
  if (!IsKey(key)) {
    return absl::InvalidArgumentError(
        "a metadata key has characters other than a-z 0-9 _ - .");
  }
  if (std::string_view(key).substr(0, 5) == "grpc-") {
    return absl::InvalidArgumentError("metadata key " + key +
                                      ": grpc- is reserved for gRPC");
  }
  if (!EndsWith(key, "-bin") && !IsPrintable(value)) {
    return absl::InvalidArgumentError(
        "metadata " + key +
        ": the value is not printable ASCII; a key that ends in -bin takes "
        "any bytes");
  }
  return absl::OkStatus();
}

absl::Status CheckMetadata(const MetadataPairs& metadata) {
  size_t bytes = 0;
  for (const auto& [key, value] : metadata) {
    absl::Status status = CheckMetadataPair(key, value);
    if (!status.ok()) return status;
    bytes += key.size() + value.size();
  }
  if (bytes > kMaxMetadataBytes) {
    return absl::InvalidArgumentError("metadata of " + std::to_string(bytes) +
                                      " bytes is longer than the limit of " +
                                      std::to_string(kMaxMetadataBytes) +
                                      " bytes");
  }
  return absl::OkStatus();
}

std::vector<core::Metadata> ToWireMetadata(const MetadataPairs& metadata) {
  std::vector<core::Metadata> wire;
  wire.reserve(metadata.size());
  for (const auto& [key, value] : metadata) wire.push_back({key, value});
  return wire;
}

MetadataPairs FromWireMetadata(std::vector<core::Metadata> metadata) {
  MetadataPairs pairs;
  pairs.reserve(metadata.size());
  for (core::Metadata& entry : metadata) {
    pairs.emplace_back(std::move(entry.key), std::move(entry.value));
  }
  return pairs;
}

}  // namespace ramet::stub
