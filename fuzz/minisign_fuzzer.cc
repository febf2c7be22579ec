// Whatever stands in a key file or in a signature, reading it ends in a status;
// and nothing but the one good signature of the bytes is taken for one. The
// first byte says which is read.

#include <ctype.h>
#include <stdint.h>

#include <string>
#include <string_view>

#include "core/base/check.h"
#include "server/minisign.h"

namespace {

// server/minisign_test.cc has where these are from.
constexpr char kKey[] =
    "RWToaniWhgEEOXVWAufoOQzvGafDD2BA0/fLqqIFVR34sMuBddO0HzIZ";
constexpr char kBytes[] = "the bytes";
// Their first 72 bytes in base64, all but the last two.
constexpr std::string_view kHashed =
    "RUToaniWhgEEObw3PXwv8WTEj7Rix6hBlxEbTSF4s9iQlCsRDixbDVttVls/"
    "RxzF03/gVdaQu4O5ERr5hmwCm/Y4biY4I3jg";
constexpr std::string_view kPlain =
    "RWToaniWhgEEOTD8gCgvnwEAWxwNjitfRnGRQkie7Budb6Ve5/gnhyzpOOgo"
    "ApW0S4DR+WgvrTwQlDgy9rgFAvLEQGaZBdWV";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ramet::server::MinisignKey;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    const auto key = MinisignKey::Parse(text, "fuzz");
    if (key.ok()) {
      RAMET_CHECK(key->key().size() == 32 && key->id().size() == 16);
    } else {
      RAMET_CHECK(key.status().message().size() < 200);
    }
    return 0;
  }
  const auto key = MinisignKey::Parse(kKey, "test");
  RAMET_CHECK(key.ok());
  const auto signer = ramet::server::VerifyMinisign({*key}, kBytes, text);
  if (signer.ok()) {
    RAMET_CHECK(*signer == key->id());
    // Base64 may have white space in it.
    std::string dense;
    for (const char c : text) {
      if (isspace(static_cast<unsigned char>(c)) == 0) dense += c;
    }
    RAMET_CHECK(dense.find(kHashed) != dense.npos ||
                dense.find(kPlain) != dense.npos);
  } else {
    RAMET_CHECK(signer.status().code() == absl::StatusCode::kPermissionDenied);
  }
  return 0;
}
