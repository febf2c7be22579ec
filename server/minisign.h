#ifndef SERVER_MINISIGN_H_
#define SERVER_MINISIGN_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace ramet::server {

// A public key of minisign (https://jedisct1.github.io/minisign/): Ed25519, and
// a number by which its signatures know it. A value type.
class MinisignKey {
 public:
  // What `minisign -G` writes into minisign.pub. INVALID_ARGUMENT: it is no
  // such key.
  static absl::StatusOr<MinisignKey> Parse(const std::string& text,
                                           const std::string& origin);
  // ReadConfigFile's errors, too.
  static absl::StatusOr<MinisignKey> LoadFile(const std::string& path);

  // As minisign prints it: "RWQ..." has the number 3A6F...; upper-case hex.
  std::string id() const;
  const std::string& id_bytes() const { return id_; }
  // 32 bytes.
  const std::string& key() const { return key_; }
  // "RWQ...", as in its file.
  std::string text() const;

 private:
  MinisignKey() = default;

  std::string id_;  // 8 bytes
  std::string key_;
};

// What stands in a .minisig file. A value type.
class MinisignSignature {
 public:
  // PERMISSION_DENIED: it is none.
  static absl::StatusOr<MinisignSignature> Parse(const std::string& text);

  // Of the BLAKE2b-512 of the bytes, as minisign makes it unless it is told
  // `-l`; else of the bytes themselves.
  bool hashed() const { return hashed_; }
  const std::string& key_id_bytes() const { return key_id_; }
  // Ed25519's 64 bytes.
  const std::string& bytes() const { return bytes_; }
  const std::string& comment() const { return comment_; }
  // Of `bytes` and `comment`, one behind the other.
  const std::string& comment_signature() const { return comment_signature_; }

 private:
  MinisignSignature() = default;

  bool hashed_ = false;
  std::string key_id_;
  std::string bytes_;
  std::string comment_;
  std::string comment_signature_;
};

// The number of the key that has signed `bytes`, one of `keys`; `signature` is
// the text of a .minisig file, of either kind, hashed (minisign's default) or
// not. PERMISSION_DENIED, with the reason: it is no signature, by another key,
// of other bytes, or its comment was changed.
absl::StatusOr<std::string> VerifyMinisign(const std::vector<MinisignKey>& keys,
                                           std::string_view bytes,
                                           const std::string& signature);

}  // namespace ramet::server

#endif  // SERVER_MINISIGN_H_
