#include "server/unix_listener.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace ramet::server {
namespace {

constexpr char kScheme[] = "unix:";
constexpr int kBacklog = 128;

absl::Status ErrnoStatus(const std::string& path, const char* what, int error) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", path, ": ",
                                             what, ": ", strerror(error)));
}

bool FillAddress(const std::string& path, sockaddr_un* address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address->sun_path) return false;
  memcpy(address->sun_path, path.data(), path.size());
  return true;
}

// Makes way at `path`: removes a socket that nobody answers on.
absl::Status RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::AlreadyExistsError(absl::StrCat(
        "cannot listen on ", path, ": there is a file that is no socket"));
  }
  const core::UniqueFd probe(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int result = connect(
      probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result == 0 || errno != ECONNREFUSED) {
    return absl::AlreadyExistsError(absl::StrCat(
        "cannot listen on ", path, ": another process listens there"));
  }
  if (unlink(path.c_str()) != 0) return ErrnoStatus(path, "unlink", errno);
  return absl::OkStatus();
}

bool GetPeer(int connection, uint32_t* uid) {
  ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return false;
  }
  *uid = peer.uid;
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnixListener>> UnixListener::Listen(
    const std::string& listen_address, MayConnect may_connect,
    Accepted accepted) {
  if (!absl::StartsWith(listen_address, kScheme)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "bad address \"", listen_address, "\": expected unix:PATH"));
  }
  const std::string path = listen_address.substr(sizeof kScheme - 1);
  sockaddr_un address;
  if (!FillAddress(path, &address)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "bad address \"", listen_address, "\": a socket's path has 1 to ",
        sizeof address.sun_path - 1, " bytes"));
  }
  const absl::Status free = RemoveStale(path, address);
  if (!free.ok()) return free;
  core::UniqueFd listener(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  core::UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!listener.valid() || !stop.valid()) {
    return ErrnoStatus(path, "socket", errno);
  }
  const mode_t old_mask = umask(0177);
  const int bound =
      bind(listener.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof address);
  const int error = errno;
  umask(old_mask);
  if (bound != 0) return ErrnoStatus(path, "bind", error);
  if (listen(listener.get(), kBacklog) != 0) {
    return ErrnoStatus(path, "listen", errno);
  }
  return std::unique_ptr<UnixListener>(
      new UnixListener(path, std::move(listener), std::move(stop),
                       std::move(may_connect), std::move(accepted)));
}

absl::Status UnixListener::SetOpenToOthers(bool open) {
  if (chmod(path_.c_str(), open ? 0666 : 0600) == 0) return absl::OkStatus();
  return ErrnoStatus(path_, "chmod", errno);
}

UnixListener::UnixListener(std::string path, core::UniqueFd socket,
                           core::UniqueFd stop, MayConnect may_connect,
                           Accepted accepted)
    : path_(std::move(path)),
      socket_(std::move(socket)),
      stop_(std::move(stop)),
      may_connect_(std::move(may_connect)),
      accepted_(std::move(accepted)),
      thread_([this] { Run(); }) {}

UnixListener::~UnixListener() {
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof one);
  thread_.join();
  unlink(path_.c_str());
}

void UnixListener::Run() {
  pollfd fds[] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  for (;;) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    core::UniqueFd connection(
        accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection.valid()) {
      // Out of descriptors: let some go before the next try.
      if (errno == EMFILE || errno == ENFILE) poll(&fds[1], 1, 100);
      continue;
    }
    uint32_t uid = 0;
    if (!GetPeer(connection.get(), &uid)) continue;
    if (uid == geteuid() || uid == 0 || (may_connect_ && may_connect_(uid))) {
      accepted_(std::move(connection), uid);
    }
  }
}

}  // namespace ramet::server
