#include "server/minisign.h"

#include <openssl/evp.h>

#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/config_file.h"

namespace ramet::server {
namespace {

// A line of base64 and two comments, with room.
constexpr size_t kMaxKeyFileBytes = 64 * 1024;
constexpr size_t kIdBytes = 8;
constexpr size_t kKeyBytes = 32;
constexpr size_t kSignatureBytes = 64;
constexpr char kPlain[] = "Ed";   // of the bytes themselves
constexpr char kHashed[] = "ED";  // of their BLAKE2b-512
constexpr size_t kKindBytes = 2;
constexpr char kUntrusted[] = "untrusted comment:";
constexpr char kTrusted[] = "trusted comment: ";

// Minisign shows a number's bytes as one little-endian number.
std::string IdText(const std::string& id) {
  std::string hex = absl::BytesToHexString(std::string(id.rbegin(), id.rend()));
  for (char& c : hex) c = static_cast<char>(toupper(c));
  return hex;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (std::string& line : lines) {
    line = std::string(absl::StripSuffix(line, "\r"));
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// What stands in a line of base64; empty unless it has so many bytes.
std::string Decode(const std::string& line, size_t bytes) {
  std::string decoded;
  if (!absl::Base64Unescape(line, &decoded) || decoded.size() != bytes) {
    return std::string();
  }
  return decoded;
}

bool VerifyEd25519(const std::string& key, std::string_view signature,
                   std::string_view bytes) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> public_key(
      EVP_PKEY_new_raw_public_key(
          EVP_PKEY_ED25519, nullptr,
          reinterpret_cast<const unsigned char*>(key.data()), key.size()),
      &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return public_key != nullptr && context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                              public_key.get()) == 1 &&
         EVP_DigestVerify(
             context.get(),
             reinterpret_cast<const unsigned char*>(signature.data()),
             signature.size(),
             reinterpret_cast<const unsigned char*>(bytes.data()),
             bytes.size()) == 1;
}

// Empty: the library does not have it.
std::string Blake2b512(std::string_view bytes) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(),
                 reinterpret_cast<unsigned char*>(digest.data()), &size,
                 EVP_blake2b512(), nullptr) != 1) {
    return std::string();
  }
  digest.resize(size);
  return digest;
}

}  // namespace

absl::StatusOr<MinisignKey> MinisignKey::Parse(const std::string& text,
                                               const std::string& origin) {
  const std::vector<std::string> lines = Lines(text);
  // The comment may be left out, as in what `minisign -P` takes.
  const std::string decoded =
      lines.empty() ? std::string()
                    : Decode(lines.back(), kKindBytes + kIdBytes + kKeyBytes);
  if (lines.size() > 2 || !absl::StartsWith(decoded, kPlain)) {
    return absl::InvalidArgumentError(
        absl::StrCat("public key ", origin, ": not a public key of minisign"));
  }
  MinisignKey key;
  key.id_ = decoded.substr(kKindBytes, kIdBytes);
  key.key_ = decoded.substr(kKindBytes + kIdBytes);
  return key;
}

absl::StatusOr<MinisignKey> MinisignKey::LoadFile(const std::string& path) {
  const absl::StatusOr<std::string> text =
      ReadConfigFile("public key", path, kMaxKeyFileBytes);
  if (!text.ok()) return text.status();
  return Parse(*text, path);
}

std::string MinisignKey::id() const { return IdText(id_); }

std::string MinisignKey::text() const {
  return absl::Base64Escape(absl::StrCat(kPlain, id_, key_));
}

absl::StatusOr<MinisignSignature> MinisignSignature::Parse(
    const std::string& text) {
  const std::vector<std::string> lines = Lines(text);
  std::string made;
  MinisignSignature signature;
  if (lines.size() == 4 && absl::StartsWith(lines[0], kUntrusted) &&
      absl::StartsWith(lines[2], kTrusted)) {
    made = Decode(lines[1], kKindBytes + kIdBytes + kSignatureBytes);
    signature.comment_ = lines[2].substr(sizeof kTrusted - 1);
    signature.comment_signature_ = Decode(lines[3], kSignatureBytes);
  }
  const std::string kind = made.substr(0, kKindBytes);
  if (signature.comment_signature_.empty() ||
      (kind != kPlain && kind != kHashed)) {
    return absl::PermissionDeniedError("its signature is none of minisign's");
  }
  signature.hashed_ = kind == kHashed;
  signature.key_id_ = made.substr(kKindBytes, kIdBytes);
  signature.bytes_ = made.substr(kKindBytes + kIdBytes);
  return signature;
}

absl::StatusOr<std::string> VerifyMinisign(const std::vector<MinisignKey>& keys,
                                           std::string_view bytes,
                                           const std::string& signature) {
  const auto parsed = MinisignSignature::Parse(signature);
  if (!parsed.ok()) return parsed.status();
  for (const MinisignKey& key : keys) {
    if (key.id_bytes() != parsed->key_id_bytes()) continue;
    const std::string hash =
        parsed->hashed() ? Blake2b512(bytes) : std::string();
    if (parsed->hashed() && hash.empty()) {
      return absl::PermissionDeniedError(
          "its signature can't be checked: OpenSSL has no BLAKE2b here");
    }
    const bool good =
        VerifyEd25519(key.key(), parsed->bytes(),
                      parsed->hashed() ? std::string_view(hash) : bytes);
    if (!good) {
      return absl::PermissionDeniedError(absl::StrCat(
          "its signature by key ", key.id(), " is not of these bytes"));
    }
    if (!VerifyEd25519(key.key(), parsed->comment_signature(),
                       parsed->bytes() + parsed->comment())) {
      return absl::PermissionDeniedError(
          absl::StrCat("its signature by key ", key.id(),
                       " has another comment than was signed"));
    }
    return key.id();
  }
  std::string known;
  for (const MinisignKey& key : keys) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", key.id());
  }
  return absl::PermissionDeniedError(
      absl::StrCat("it was signed by key ", IdText(parsed->key_id_bytes()),
                   ", and not by ", known));
}

}  // namespace ramet::server
