#include "server/ssh/method_preferences.h"

#include <algorithm>

#include "absl/strings/str_join.h"

namespace ramet::server {
namespace {

// Of libssh2 1.10, best first. CBC, RC4, 3DES, MD5 and SHA-1 key exchanges are
// left to the ssh binary, where a user can allow them.
const char* const kKex[] = {"curve25519-sha256",
                            "curve25519-sha256@libssh.org",
                            "ecdh-sha2-nistp256",
                            "ecdh-sha2-nistp384",
                            "ecdh-sha2-nistp521",
                            "diffie-hellman-group16-sha512",
                            "diffie-hellman-group18-sha512",
                            "diffie-hellman-group14-sha256",
                            "diffie-hellman-group-exchange-sha256"};
const char* const kCiphers[] = {"aes128-ctr", "aes256-ctr", "aes192-ctr"};
const char* const kMacs[] = {"hmac-sha2-256", "hmac-sha2-512", "hmac-sha1"};

template <size_t n>
std::vector<std::string> Choose(const char* const (&served)[n],
                                const std::vector<std::string>& wanted) {
  if (wanted.empty()) {
    return std::vector<std::string>(std::begin(served), std::end(served));
  }
  std::vector<std::string> chosen;
  for (const std::string& name : wanted) {
    if (std::find(std::begin(served), std::end(served), name) !=
        std::end(served)) {
      chosen.push_back(name);
    }
  }
  return chosen;
}

// libssh2 leaves out names that it was built without.
bool Set(LIBSSH2_SESSION* session, int method,
         const std::vector<std::string>& names) {
  return !names.empty() &&
         libssh2_session_method_pref(session, method,
                                     absl::StrJoin(names, ",").c_str()) == 0;
}

}  // namespace

std::string SetMethodPreferences(
    LIBSSH2_SESSION* session, const SshConfig& config,
    const std::vector<std::string>& host_key_types) {
  const std::vector<std::string> ciphers = Choose(kCiphers, config.ciphers);
  const std::vector<std::string> macs = Choose(kMacs, config.macs);
  if (!Set(session, LIBSSH2_METHOD_KEX, Choose(kKex, config.kex_algorithms))) {
    return "key exchange algorithms";
  }
  if (!Set(session, LIBSSH2_METHOD_HOSTKEY, host_key_types)) {
    return "types of host key";
  }
  if (!Set(session, LIBSSH2_METHOD_CRYPT_CS, ciphers) ||
      !Set(session, LIBSSH2_METHOD_CRYPT_SC, ciphers)) {
    return "ciphers";
  }
  if (!Set(session, LIBSSH2_METHOD_MAC_CS, macs) ||
      !Set(session, LIBSSH2_METHOD_MAC_SC, macs)) {
    return "MACs";
  }
  return "";
}

}  // namespace ramet::server
