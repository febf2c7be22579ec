#ifndef SERVER_FRONT_DOOR_H_
#define SERVER_FRONT_DOOR_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/master.h"

namespace ramet::server {

// The master's gRPC service on a unix socket: ramet.v1.Contexts and Modules,
// and every other method forwarded as bytes to the context that the metadata
// `ramet-target` names.
//
// Trust: the socket has mode 0600, and each connection's peer must be this
//   user, or root (SO_PEERCRED, unix(7)).
// Ownership: borrows the master. Threads: any; gRPC's threads and the master's
//   loop meet here.
class FrontDoor {
 public:
  // The largest message that passes, either way; as contexts have it.
  static constexpr int kMaxMessageBytes = 4 * 1024 * 1024;

  // Listens on `address` ("unix:PATH"). A socket that nobody answers on is
  // replaced. INVALID_ARGUMENT: another kind of address, or a path that is too
  // long. ALREADY_EXISTS: somebody listens there, or it is no socket.
  // UNAVAILABLE: what bind(2) says.
  static absl::StatusOr<std::unique_ptr<FrontDoor>> Listen(
      Master* master, const ConnectOptions& connect,
      const std::string& address);

  // Refuses new connections, gives calls 5 s to end, removes the
  // socket.
  ~FrontDoor();
  FrontDoor(const FrontDoor&) = delete;
  FrontDoor& operator=(const FrontDoor&) = delete;

 private:
  class Impl;
  explicit FrontDoor(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace ramet::server

#endif  // SERVER_FRONT_DOOR_H_
