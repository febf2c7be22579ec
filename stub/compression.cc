#include "stub/compression.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>

namespace ramet::stub {
namespace {

constexpr int kLevel = 1;

// Where the size can't be read from the data: what text and protobuf often
// reach. Too little costs another attempt.
constexpr size_t kUsualRatio = 4;
constexpr size_t kLeastGuessBytes = 1024;

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};
struct FreeDecompressor {
  void operator()(libdeflate_decompressor* decompressor) const {
    libdeflate_free_decompressor(decompressor);
  }
};

// The last four bytes of gzip: the size modulo 4 GiB, little-endian. Whoever
// sent them may lie.
size_t GzipSize(std::string_view bytes) {
  if (bytes.size() < 4) return 0;
  size_t size = 0;
  for (size_t i = 1; i <= 4; ++i) {
    size = size << 8 | static_cast<unsigned char>(bytes[bytes.size() - i]);
  }
  return size;
}

absl::Status NotInflatable() {
  return absl::InternalError("a compressed message can't be decompressed");
}

}  // namespace

bool Compress(Compression compression, std::string_view message,
              std::string* out) {
  if (compression == Compression::kNone || message.empty()) return false;
  const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(kLevel));
  if (compressor == nullptr) return false;
  // What does not fit in there is not wanted.
  out->resize(message.size() - 1);
  const size_t size =
      compression == Compression::kGzip
          ? libdeflate_gzip_compress(compressor.get(), message.data(),
                                     message.size(), &(*out)[0], out->size())
          : libdeflate_zlib_compress(compressor.get(), message.data(),
                                     message.size(), &(*out)[0], out->size());
  out->resize(size);
  out->shrink_to_fit();
  return size > 0;
}

absl::Status Decompress(Compression compression, std::string_view bytes,
                        size_t max_bytes, std::string* out) {
  if (compression == Compression::kNone) return NotInflatable();
  const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(
      libdeflate_alloc_decompressor());
  if (decompressor == nullptr) {
    return absl::ResourceExhaustedError("no memory to decompress a message");
  }
  const bool gzip = compression == Compression::kGzip;
  size_t capacity = gzip ? GzipSize(bytes) : bytes.size() * kUsualRatio;
  capacity = std::max(capacity, kLeastGuessBytes);
  for (;;) {
    capacity = std::min(capacity, max_bytes);
    // resize() might take twice that.
    *out = std::string(capacity, '\0');
    size_t taken = 0;
    size_t made = 0;
    const auto decompress =
        gzip ? &libdeflate_gzip_decompress_ex : &libdeflate_zlib_decompress_ex;
    const libdeflate_result result =
        decompress(decompressor.get(), bytes.data(), bytes.size(), &(*out)[0],
                   out->size(), &taken, &made);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE && capacity < max_bytes) {
      capacity = capacity < max_bytes / kUsualRatio ? capacity * kUsualRatio
                                                    : max_bytes;
      continue;
    }
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      return absl::ResourceExhaustedError(
          "a compressed message of " + std::to_string(bytes.size()) +
          " bytes is longer than the limit of " + std::to_string(max_bytes) +
          " bytes when it is decompressed");
    }
    if (result != LIBDEFLATE_SUCCESS || taken != bytes.size()) {
      return NotInflatable();
    }
    out->resize(made);
    return absl::OkStatus();
  }
}

}  // namespace ramet::stub
