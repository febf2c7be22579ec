#ifndef CORE_BASE_SHA256_H_
#define CORE_BASE_SHA256_H_

#include <stdint.h>

#include <string>
#include <string_view>

namespace ramet::core {

inline constexpr size_t kSha256Bytes = 32;

// SHA-256 (FIPS 180-4) over bytes that arrive in pieces. Of our own, because
// each agent carries it (docs/decisions/0015-room-in-the-agent.md). Not for
// secrets in long-lived memory: nothing is wiped.
class Sha256 {
 public:
  Sha256();

  void Update(std::string_view bytes);

  // The digest of all bytes so far: kSha256Bytes raw bytes. More may follow.
  std::string Digest() const;

 private:
  static constexpr size_t kBlockBytes = 64;

  void AddBlock();

  uint32_t state_[8];
  uint64_t bytes_ = 0;
  uint8_t block_[kBlockBytes];  // the first bytes_ % kBlockBytes are filled
};

inline std::string Sha256Digest(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Digest();
}

}  // namespace ramet::core

#endif  // CORE_BASE_SHA256_H_
