#ifndef SERVER_SSH_IDENTITY_FILE_H_
#define SERVER_SSH_IDENTITY_FILE_H_

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace ramet::server {

// A user's key file as far as it can be told without its passphrase.
struct IdentityFile {
  std::string path;
  std::string private_text;  // empty: the file holds a public key only
  // The public key's wire form; empty for an old format without PATH.pub.
  std::string public_key;
  std::string type;  // "ssh-ed25519"; "ssh-rsa" also guessed; empty: unknown
  bool encrypted = false;
  bool has_certificate = false;  // PATH-cert.pub exists
};

// Reads `path`. NOT_FOUND: there is none (text says so). FAILED_PRECONDITION:
// others may read it, or it is no key.
core::Status ReadIdentityFile(const std::string& path, IdentityFile* identity);

// The pure part: `text` of a private (openssh-key-v1, PEM) or public key.
bool ParseIdentity(std::string_view text, IdentityFile* identity);

// "ssh-ed25519 AAAA…" to the wire form.
bool ParsePublicKey(std::string_view text, std::string* public_key);

}  // namespace ramet::server

#endif  // SERVER_SSH_IDENTITY_FILE_H_
