#include "server/ssh/identity_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "core/base/unique_fd.h"
#include "server/ssh/known_hosts.h"
#include "server/ssh/ssh_wire.h"

namespace ramet::server {
namespace {

constexpr size_t kMaxKeyFileBytes = 1 << 20;
constexpr std::string_view kOpensshBegin =
    "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view kOpensshEnd = "-----END OPENSSH PRIVATE KEY-----";
// PROTOCOL.key of OpenSSH; the NUL is part of it.
constexpr std::string_view kOpensshMagic("openssh-key-v1\0", 15);

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool ParseOpensshKey(std::string_view text, IdentityFile* identity) {
  const size_t begin = text.find(kOpensshBegin) + kOpensshBegin.size();
  const size_t end = text.find(kOpensshEnd, begin);
  if (end == std::string_view::npos) return false;
  std::string bytes;
  if (!absl::Base64Unescape(absl::string_view(text.data() + begin, end - begin),
                            &bytes) ||
      bytes.compare(0, kOpensshMagic.size(), kOpensshMagic) != 0) {
    return false;
  }
  SshReader reader(std::string_view(bytes).substr(kOpensshMagic.size()));
  const std::string_view cipher = reader.String();
  reader.String();  // key derivation function
  reader.String();  // its options
  if (reader.Uint32() != 1) return false;
  identity->public_key = std::string(reader.String());
  identity->encrypted = cipher != "none";
  identity->type = KeyType(identity->public_key);
  return reader.ok() && !identity->type.empty();
}

core::Status ReadSmallFile(const std::string& path, bool is_secret,
                           std::string* text) {
  core::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    return core::Status(core::Code::kNotFound, core::ErrnoText(path, errno));
  }
  struct stat info;
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return core::Status(core::Code::kFailedPrecondition,
                        path + ": not a regular file");
  }
  text->resize(kMaxKeyFileBytes);
  const ssize_t count = read(fd.get(), text->data(), text->size());
  text->resize(count < 0 ? 0 : count);
  if (is_secret && Contains(*text, "PRIVATE KEY") && info.st_uid == getuid() &&
      (info.st_mode & 077) != 0) {
    return core::Status(core::Code::kFailedPrecondition,
                        path +
                            ": ignored, because others may read it (chmod "
                            "600 makes it usable)");
  }
  return core::Status();
}

}  // namespace

bool ParsePublicKey(std::string_view text, std::string* public_key) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(text.data(), text.size()),
                     absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  return fields.size() >= 2 && absl::Base64Unescape(fields[1], public_key) &&
         KeyType(*public_key) == fields[0];
}

bool ParseIdentity(std::string_view text, IdentityFile* identity) {
  if (Contains(text, kOpensshBegin)) {
    identity->private_text = std::string(text);
    return ParseOpensshKey(text, identity);
  }
  if (Contains(text, "PRIVATE KEY-----")) {
    identity->private_text = std::string(text);
    identity->encrypted = Contains(text, "BEGIN ENCRYPTED PRIVATE KEY") ||
                          Contains(text, "Proc-Type: 4,ENCRYPTED");
    if (Contains(text, "BEGIN RSA PRIVATE KEY")) identity->type = "ssh-rsa";
    return true;
  }
  if (!ParsePublicKey(text, &identity->public_key)) return false;
  identity->type = KeyType(identity->public_key);
  return true;
}

core::Status ReadIdentityFile(const std::string& path, IdentityFile* identity) {
  identity->path = path;
  std::string text;
  core::Status status = ReadSmallFile(path, /*is_secret=*/true, &text);
  if (!status.ok()) return status;
  if (!ParseIdentity(text, identity)) {
    return core::Status(core::Code::kFailedPrecondition,
                        path + ": not a key that is understood");
  }
  if (identity->public_key.empty() &&
      ReadSmallFile(path + ".pub", /*is_secret=*/false, &text).ok() &&
      ParsePublicKey(text, &identity->public_key)) {
    identity->type = KeyType(identity->public_key);
  }
  identity->has_certificate = access((path + "-cert.pub").c_str(), R_OK) == 0;
  return core::Status();
}

}  // namespace ramet::server
