#ifndef SERVER_FRONT_DOOR_H_
#define SERVER_FRONT_DOOR_H_

#include <stdint.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/master.h"
#include "server/tls_files.h"

namespace ramet::server {

// How a front door is made.
struct DoorOptions {
  ConnectOptions connect;           // of contexts that calls need
  std::vector<std::string> listen;  // "unix:PATH", "tcp:HOST:PORT"
  TlsFiles tls;                     // all three for TCP
  // Who may do what (server/client_policy.h). Without one only the owner and
  // root may do anything, and there is no TCP.
  std::string clients_file;
  // Which contexts may get which modules (server/module_policy.h), for Reload;
  // the master has it from its own options.
  std::function<absl::StatusOr<ModulePolicy>()> module_policy;
  // A connection that is silent for so long is asked for a sign of life, and
  // closed without one after kKeepaliveTimeout; infinite: never.
  absl::Duration keepalive = absl::Seconds(60);
};

// The master's gRPC services at its addresses: ramet.v1.Contexts and Modules,
// health, reflection, channelz, and every other method forwarded as bytes to
// the context that the call names. docs/front_door.md.
//
// Trust: over a unix socket this user and root may do everything. Others are
//   known by their user's id or by their TLS certificate, and may do what the
//   clients file allows.
// Ownership: borrows the master. Threads: any; gRPC's threads and the master's
//   loop meet here.
class FrontDoor {
 public:
  // The largest message that passes, either way, unless the client wants
  // larger replies; as contexts have it.
  static constexpr int kMaxMessageBytes = 4 * 1024 * 1024;
  // gRPC's default.
  static constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(20);
  // Calls that run when the door closes have this long to end by themselves.
  static constexpr absl::Duration kDrainGrace = absl::Seconds(5);

  // Listens at every address, or fails. A unix socket that nobody answers on is
  // replaced. INVALID_ARGUMENT: a bad address; TCP without certificates or
  // clients file; a bad clients file. ALREADY_EXISTS: somebody listens there,
  // or it is no socket. UNAVAILABLE: what the system says. Else as
  // CheckTlsFiles and ClientPolicy::LoadFile.
  static absl::StatusOr<std::unique_ptr<FrontDoor>> Listen(
      Master* master, const DoorOptions& options);

  // Drain, then the end.
  ~FrontDoor();
  FrontDoor(const FrontDoor&) = delete;
  FrontDoor& operator=(const FrontDoor&) = delete;

  // Where it listens, with the ports that the system chose.
  const std::vector<std::string>& addresses() const;

  // Reads the clients file and bundles anew: both, or, when one of them is bad,
  // neither. Calls that run go on. Errors as of Listen and
  // Master::ReloadModuleFiles.
  absl::Status Reload(const std::vector<std::string>& module_files);

  // From now on health says NOT_SERVING, Watch and Logs end, and new calls are
  // refused with UNAVAILABLE; calls that run have `grace` to end. Then
  // everything is closed. Once; blocks.
  void Drain(absl::Duration grace);

  // For metrics.
  struct Figures {
    int contexts_ready = 0;
    int contexts_connecting = 0;
    int open_streams = 0;
    uint64_t refused_by_policy = 0;
    uint64_t refused_while_draining = 0;
    uint64_t log_lines_dropped = 0;  // by readers of Logs that are too slow
    bool draining = false;
  };
  Figures GetFigures() const;

 private:
  class Impl;
  explicit FrontDoor(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace ramet::server

#endif  // SERVER_FRONT_DOOR_H_
