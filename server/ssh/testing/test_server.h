#ifndef SERVER_SSH_TESTING_TEST_SERVER_H_
#define SERVER_SSH_TESTING_TEST_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "server/ssh/testing/temp_dir.h"

namespace ramet::server::testing {

// The account's password at a TestServer, which a test that runs as root has.
inline constexpr char kPassword[] = "open sesame";

// A real sshd or dropbear on a free loopback port with throw-away keys, for
// this process's account. Ends with this object, with all its sessions.
class TestServer {
 public:
  enum class Kind { kSshd, kDropbear };

  // `extra`: lines of sshd_config that outweigh the test's own, or arguments of
  // dropbear, separated by newlines. Fails the test when there is no server.
  explicit TestServer(Kind kind = Kind::kSshd, const std::string& extra = "");
  ~TestServer();

  uint16_t port() const { return port_; }
  // A private key that the server lets in, and one that it does not know.
  std::string identity() const { return dir_.File("identity"); }
  std::string stranger() const { return dir_.File("stranger"); }
  // A known_hosts file with the server's right key.
  std::string known_hosts() const { return known_hosts_; }
  // The same for another port (of a relay).
  std::string KnownHostsFor(uint16_t port);
  // An empty ssh_config, so that the account's own does not count.
  std::string config() const { return config_; }
  // Makes a key (ssh-keygen -t) and lets it in.
  std::string AuthorizedKey(const std::string& name, const std::string& type,
                            const std::string& passphrase = "");
  const TempDir& dir() const { return dir_; }
  // What the server has logged.
  std::string Log() const { return ReadFile(dir_.File("log")); }

 private:
  void MakeKey(const std::string& name, const std::string& type,
               const std::string& passphrase);
  void Authorize(const std::string& name);
  void Start(const std::string& extra);

  const Kind kind_;
  TempDir dir_;
  uint16_t port_ = 0;
  pid_t pid_ = 0;
  std::string known_hosts_;
  std::string config_;
};

// The name of this process's account.
std::string AccountName();

// A loopback port that was free a moment ago.
uint16_t FreePort();

}  // namespace ramet::server::testing

#endif  // SERVER_SSH_TESTING_TEST_SERVER_H_
