#ifndef SERVER_SSH_KNOWN_HOSTS_H_
#define SERVER_SSH_KNOWN_HOSTS_H_

#include <stdint.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace ramet::server {

// The keys that known_hosts files hold (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT):
// plain, negated, wildcard and hashed host patterns, @revoked and
// @cert-authority. Pure but for AddFile and Append.
class KnownHosts {
 public:
  enum class Result {
    kMatch,
    kUnknown,  // no line for this host
    kChanged,  // lines for this host, none with this key
    kRevoked,  // the key is revoked
  };
  struct Finding {
    Result result = Result::kUnknown;
    // The line that decided; of kChanged, the last one that names the host.
    std::string file;
    int line = 0;
    std::string key_type;
  };

  // Reads a file; one that is missing or can't be read holds nothing. Lines
  // that are malformed are skipped.
  void AddFile(const std::string& path);
  void AddText(const std::string& path, std::string_view text);

  // `key` is the key's wire form (RFC 4253, 6.6), `name` a HostName() or alias.
  Finding Check(const std::string& name, std::string_view key) const;

  // Types ("ssh-ed25519") by which the host is known, in the files' order.
  std::vector<std::string> KeyTypes(const std::string& name) const;
  // Whether certificates of an authority vouch for the host.
  bool HasAuthority(const std::string& name) const;

  // How a host is named in the files: "web1", "[web1]:2222". Lower case.
  static std::string HostName(const std::string& host, uint16_t port);

  // Appends one line with one write(2), so that two processes never mix theirs;
  // makes the file (0600) and its folder (0700). `hash`: hides the name.
  // UNAVAILABLE with the file and errno's text.
  static core::Status Append(const std::string& path, const std::string& name,
                             std::string_view key, bool hash);

 private:
  enum class Marker { kNone, kRevoked, kAuthority };
  struct Line {
    Marker marker = Marker::kNone;
    std::string hosts;
    std::string key_type;
    std::string key;
    size_t file = 0;
    int number = 0;
  };

  static bool ParseLine(std::string_view text, Line* line);

  std::vector<std::string> files_;
  std::vector<Line> lines_;
};

// The type that a key's wire form begins with; empty when it has none.
std::string KeyType(std::string_view key);

// "SHA256:…" as ssh-keygen -l prints it.
std::string KeyFingerprint(std::string_view key);

}  // namespace ramet::server

#endif  // SERVER_SSH_KNOWN_HOSTS_H_
