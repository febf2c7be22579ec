#ifndef CORE_BASE_SHA512_H_
#define CORE_BASE_SHA512_H_

#include <stddef.h>
#include <stdint.h>

#include <initializer_list>
#include <string_view>

namespace ramet::core {

inline constexpr size_t kSha512Bytes = 64;

// SHA-512 (FIPS 180-4) of `parts`, one behind another. Pure.
//
// Our own because the agent has a few hundred bytes for it: BearSSL's takes
// three times as many (docs/decisions/0019-signatures-in-contexts.md).
void Sha512Digest(std::initializer_list<std::string_view> parts,
                  uint8_t digest[kSha512Bytes]);

}  // namespace ramet::core

#endif  // CORE_BASE_SHA512_H_
