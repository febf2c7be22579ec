#ifndef SERVER_UNIX_LISTENER_H_
#define SERVER_UNIX_LISTENER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"

namespace ramet::server {

// Accepts connections on a unix socket of mode 0600, from this user and root
// only. Owns the socket's file, and a thread that waits for connections.
class UnixListener {
 public:
  // Gets each connection, on the listener's thread.
  using Accepted = std::function<void(core::UniqueFd connection)>;

  // FrontDoor::Listen's errors; `address` is "unix:PATH".
  static absl::StatusOr<std::unique_ptr<UnixListener>> Listen(
      const std::string& address, Accepted accepted);

  // Stops accepting and removes the file. Not on the listener's thread.
  ~UnixListener();

 private:
  UnixListener(std::string path, core::UniqueFd socket, core::UniqueFd stop,
               Accepted accepted);

  void Run();

  const std::string path_;
  const core::UniqueFd socket_;
  const core::UniqueFd stop_;  // an eventfd: readable when it is time to go
  const Accepted accepted_;
  std::thread thread_;
};

}  // namespace ramet::server

#endif  // SERVER_UNIX_LISTENER_H_
