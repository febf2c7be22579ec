#include "server/ssh/testing/test_server.h"

#include <arpa/inet.h>
#include <crypt.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/subprocess.h"
#include "core/base/unique_fd.h"

namespace ramet::server::testing {
namespace {

constexpr int kPortTries = 5;      // somebody else may take the free port
constexpr int kStartTries = 1000;  // of kStartPollMs: 5 s
constexpr int kStartPollMs = 5;

bool IsRoot() { return geteuid() == 0; }

std::string AccountHome() { return getpwuid(getuid())->pw_dir; }

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool Answers(uint16_t port) {
  core::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof address) != 0) {
    return false;
  }
  pollfd ready{fd.get(), POLLIN, 0};
  char byte;
  return poll(&ready, 1, 5000) == 1 && read(fd.get(), &byte, 1) == 1;
}

// /etc/shadow with kPassword for this account.
std::string ShadowText() {
  const std::string hash = crypt(kPassword, "$6$rametramet$");
  std::stringstream lines(ReadFile("/etc/shadow"));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, AccountName().size() + 1, AccountName() + ":") == 0) {
      line = AccountName() + ":" + hash + ":19000:0:99999:7:::";
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace

std::string AccountName() { return getpwuid(getuid())->pw_name; }

uint16_t FreePort() {
  core::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size),
            0);
  return ntohs(address.sin_port);
}

TestServer::TestServer(Kind kind, const std::string& extra) : kind_(kind) {
  config_ = dir_.Write("ssh_config", "");
  std::filesystem::create_directories(dir_.File("home/.ssh"));
  chmod(dir_.File("home/.ssh").c_str(), 0700);
  dir_.Write("home/.ssh/authorized_keys", "");
  MakeKey("host_key", "ed25519", "");
  MakeKey("identity", "ed25519", "");
  MakeKey("stranger", "ed25519", "");
  Authorize("identity");
  if (IsRoot()) dir_.Write("shadow", ShadowText());
  if (kind_ == Kind::kDropbear) {
    RunProgram({"dropbearconvert", "openssh", "dropbear", dir_.File("host_key"),
                dir_.File("dropbear_host_key")});
  }
  for (int i = 0; i < kPortTries && pid_ == 0; ++i) {
    port_ = FreePort();
    Start(extra);
  }
  EXPECT_NE(pid_, 0) << "no server starts: " << Log();
  known_hosts_ = KnownHostsFor(port_);
}

TestServer::~TestServer() {
  if (pid_ > 0) core::KillGroupAndReap(pid_);
}

void TestServer::MakeKey(const std::string& name, const std::string& type,
                         const std::string& passphrase) {
  RunProgram({"ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", name,
              "-f", dir_.File(name)});
}

void TestServer::Authorize(const std::string& name) {
  std::ofstream(dir_.File("home/.ssh/authorized_keys"), std::ios::app)
      << ReadFile(dir_.File(name + ".pub"));
}

std::string TestServer::AuthorizedKey(const std::string& name,
                                      const std::string& type,
                                      const std::string& passphrase) {
  MakeKey(name, type, passphrase);
  Authorize(name);
  return dir_.File(name);
}

std::string TestServer::KnownHostsFor(uint16_t port) {
  return dir_.Write("known_hosts." + std::to_string(port),
                    "[127.0.0.1]:" + std::to_string(port) + " " +
                        ReadFile(dir_.File("host_key.pub")));
}

void TestServer::Start(const std::string& extra) {
  const std::string port = std::to_string(port_);
  std::string server;
  if (kind_ == Kind::kSshd) {
    dir_.Write("sshd_config",
               extra + "\nListenAddress 127.0.0.1:" + port + "\nHostKey " +
                   dir_.File("host_key") + "\nAuthorizedKeysFile " +
                   dir_.File("home/.ssh/authorized_keys") +
                   "\nPidFile none\nStrictModes no\nUsePAM no\n"
                   "PermitRootLogin yes\nPasswordAuthentication no\n"
                   "KbdInteractiveAuthentication no\nPrintMotd no\n"
                   "UseDNS no\nMaxStartups 100\nLogLevel VERBOSE\n");
    server = "/usr/sbin/sshd -D -E " + dir_.File("log") + " -f " +
             dir_.File("sshd_config");
  } else {
    server = "/usr/sbin/dropbear -F -E -p 127.0.0.1:" + port + " -P " +
             dir_.File("pid") + " -r " + dir_.File("dropbear_host_key") + " " +
             extra + " 2>> " + dir_.File("log");
  }
  core::SpawnOptions options;
  if (IsRoot()) {
    // Mounts and processes of its own: the account's home and password are the
    // test's, and all sessions end with the server.
    options.argv = {
        "unshare",
        "-m",
        "-p",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "sh",
        "-c",
        "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && mount --bind " +
            dir_.File("home") + " " + AccountHome() + " && mount --bind " +
            dir_.File("shadow") + " /etc/shadow && exec " + server};
  } else {
    options.argv = {"sh", "-c", "exec " + server};
  }
  options.fds = {-1, -1, 2};
  const core::Status status = core::Spawn(options, &pid_);
  EXPECT_TRUE(status.ok()) << status.message();
  for (int i = 0; i < kStartTries; ++i) {
    if (Answers(port_)) return;
    poll(nullptr, 0, kStartPollMs);
  }
  core::KillGroupAndReap(pid_);
  pid_ = 0;
}

}  // namespace ramet::server::testing
