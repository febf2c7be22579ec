#ifndef SERVER_DOOR_SERVER_H_
#define SERVER_DOOR_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/unique_fd.h"
#include "server/caller.h"
#include "server/chain_sequencer.h"
#include "server/channelz_service.h"
#include "server/contexts_service.h"
#include "server/descriptor_worlds.h"
#include "server/door_state.h"
#include "server/gatekeeper.h"
#include "server/health_service.h"
#include "server/listen_address.h"
#include "server/log_hub.h"
#include "server/master.h"
#include "server/modules_service.h"
#include "server/open_streams.h"
#include "server/proxy_service.h"
#include "server/reflection_service.h"
#include "server/tree_hub.h"

namespace ramet::server {

// What all servers of a front door share; outlives them.
struct DoorParts {
  Master* master;
  ConnectOptions connect;
  std::shared_ptr<DoorState> state;
  std::shared_ptr<OpenStreams> streams;
  TreeHub* tree;
  LogHub* logs;
  HealthState* health;
  DescriptorWorlds* worlds;
  ChainSequencer* chains;
  absl::Duration keepalive;
};

// One gRPC server with all services of a front door, for one way to know who
// calls. Each user of a unix socket has a server of its own, because a
// connection that gRPC was handed says nothing of its peer; so nobody can be
// taken for somebody else.
class DoorServer {
 public:
  // One whose connections are handed in, all of them `caller`'s.
  DoorServer(const DoorParts& parts, Caller caller);
  // One that listens at `addresses`, whose callers show certificates.
  // UNAVAILABLE: it can't; the text names the address. Sets the addresses'
  // ports.
  static absl::StatusOr<std::unique_ptr<DoorServer>> Listen(
      const DoorParts& parts,
      const std::shared_ptr<grpc::ServerCredentials>& credentials,
      std::vector<ListenAddress>* addresses);

  ~DoorServer();

  // Takes a connection.
  void Add(core::UniqueFd connection);

  // Closes what listens; ends calls by force after `grace`. Blocks.
  void Shutdown(absl::Duration grace);

 private:
  DoorServer(const DoorParts& parts, std::optional<Caller> caller);
  void Build(const DoorParts& parts, grpc::ServerBuilder* builder);

  const Gatekeeper gatekeeper_;
  ContextsService contexts_;
  ModulesService modules_;
  HealthService health_;
  ReflectionService reflection_;
  ReflectionServiceV1Alpha reflection_v1alpha_;
  ChannelzService channelz_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ProxyService> proxy_;
};

}  // namespace ramet::server

#endif  // SERVER_DOOR_SERVER_H_
