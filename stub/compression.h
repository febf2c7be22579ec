#ifndef STUB_COMPRESSION_H_
#define STUB_COMPRESSION_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace ramet::stub {

// How messages are compressed, each for itself. The numbers are those of the
// wire (docs/wire_format.md) and of gRPC's grpc_compression_algorithm.
enum class Compression : uint32_t {
  kNone = 0,
  kDeflate = 1,  // zlib's format, RFC 1950
  kGzip = 2,     // RFC 1952
};

// Whether a number from the wire is one of them, kNone included.
inline bool IsKnownCompression(uint32_t number) {
  return number <= static_cast<uint32_t>(Compression::kGzip);
}

// In a set of accepted ones.
inline constexpr uint32_t CompressionBit(Compression compression) {
  return 1u << static_cast<uint32_t>(compression);
}
inline constexpr uint32_t kAllCompressions =
    CompressionBit(Compression::kDeflate) | CompressionBit(Compression::kGzip);

// Compresses, at the fastest level: somebody waits for the call. False, and
// `out` is unspecified, when that does not make it smaller, or for kNone. Pure.
bool Compress(Compression compression, std::string_view message,
              std::string* out);

// The reverse. RESOURCE_EXHAUSTED: more than `max_bytes` would come of it; no
// more memory than that is touched. INTERNAL: no such data, something behind
// it, or kNone. Pure.
absl::Status Decompress(Compression compression, std::string_view bytes,
                        size_t max_bytes, std::string* out);

}  // namespace ramet::stub

#endif  // STUB_COMPRESSION_H_
