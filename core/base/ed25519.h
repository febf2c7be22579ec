#ifndef CORE_BASE_ED25519_H_
#define CORE_BASE_ED25519_H_

#include <stddef.h>

#include <string_view>

namespace ramet::core {

inline constexpr size_t kEd25519KeyBytes = 32;
inline constexpr size_t kEd25519SignatureBytes = 64;

// Whether `signature` is that of `message` by the holder of the public `key`:
// Ed25519 as in RFC 8032, 5.1.7, without cofactors. Nothing here is secret, and
// it takes as long as it takes: 1 to 3 ms. Pure; false for whatever
// is malformed.
//
// Our own because libraries' are several times as large as the agent has room
// for; the test holds it against OpenSSL.
bool VerifyEd25519(std::string_view key, std::string_view message,
                   std::string_view signature);

}  // namespace ramet::core

#endif  // CORE_BASE_ED25519_H_
