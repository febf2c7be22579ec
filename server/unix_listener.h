#ifndef SERVER_UNIX_LISTENER_H_
#define SERVER_UNIX_LISTENER_H_

#include <stdint.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"

namespace ramet::server {

// Accepts connections on a unix socket, from those users only that may (by
// SO_PEERCRED). The socket's mode is 0600, unless others than this user and
// root may. Owns the socket's file, and a thread that waits for connections.
class UnixListener {
 public:
  // Gets each connection and whose it is, on the listener's thread.
  using Accepted = std::function<void(core::UniqueFd connection, uint32_t uid)>;
  // Whether a user other than this one and root may connect, on the listener's
  // thread. Empty: nobody.
  using MayConnect = std::function<bool(uint32_t uid)>;

  // FrontDoor::Listen's errors; `address` is "unix:PATH".
  static absl::StatusOr<std::unique_ptr<UnixListener>> Listen(
      const std::string& address, MayConnect may_connect, Accepted accepted);

  // Gives the socket mode 0666, or 0600. UNAVAILABLE: chmod(2) fails.
  absl::Status SetOpenToOthers(bool open);

  // Stops accepting and removes the file. Not on the listener's thread.
  ~UnixListener();

 private:
  UnixListener(std::string path, core::UniqueFd socket, core::UniqueFd stop,
               MayConnect may_connect, Accepted accepted);

  void Run();

  const std::string path_;
  const core::UniqueFd socket_;
  const core::UniqueFd stop_;  // an eventfd: readable when it is time to go
  const MayConnect may_connect_;
  const Accepted accepted_;
  std::thread thread_;
};

}  // namespace ramet::server

#endif  // SERVER_UNIX_LISTENER_H_
