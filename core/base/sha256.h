#ifndef CORE_BASE_SHA256_H_
#define CORE_BASE_SHA256_H_

#include <bearssl/bearssl_hash.h>

#include <string>
#include <string_view>

namespace ramet::core {

inline constexpr size_t kSha256Bytes = 32;

// SHA-256 (FIPS 180-4) over bytes that arrive in pieces; BearSSL's.
class Sha256 {
 public:
  Sha256() { br_sha256_init(&context_); }

  void Update(std::string_view bytes) {
    br_sha256_update(&context_, bytes.data(), bytes.size());
  }

  // The digest of all bytes so far: kSha256Bytes raw bytes.
  std::string Digest() const {
    std::string digest(kSha256Bytes, '\0');
    br_sha256_out(&context_, digest.data());
    return digest;
  }

 private:
  br_sha256_context context_;
};

inline std::string Sha256Digest(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Digest();
}

}  // namespace ramet::core

#endif  // CORE_BASE_SHA256_H_
