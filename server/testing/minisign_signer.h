#ifndef SERVER_TESTING_MINISIGN_SIGNER_H_
#define SERVER_TESTING_MINISIGN_SIGNER_H_

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/testing/ed25519_signer.h"

namespace ramet::server {

// Signs as `minisign -S -l` does.
class MinisignSigner {
 public:
  // `seed`: which key. Its number has 8 bytes.
  explicit MinisignSigner(char seed, std::string id = "")
      : id_(id.empty() ? std::string(8, seed) : id),
        signer_(std::string(32, seed)) {}

  // "RWQ...".
  std::string public_text() const {
    return absl::Base64Escape("Ed" + id_ + signer_.public_key());
  }
  const std::string& public_key() const { return signer_.public_key(); }
  // As minisign shows it: all bytes are the same.
  std::string number() const { return absl::BytesToHexString(id_); }

  // A .minisig file's text.
  std::string Sign(const std::string& text) const {
    const std::string signature = signer_.Sign(text);
    const std::string comment = "a comment";
    return absl::StrCat(
        "untrusted comment: x\n", absl::Base64Escape("Ed" + id_ + signature),
        "\ntrusted comment: ", comment, "\n",
        absl::Base64Escape(signer_.Sign(signature + comment)), "\n");
  }

 private:
  const std::string id_;
  const core::Ed25519Signer signer_;
};

}  // namespace ramet::server

#endif  // SERVER_TESTING_MINISIGN_SIGNER_H_
