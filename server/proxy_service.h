#ifndef SERVER_PROXY_SERVICE_H_
#define SERVER_PROXY_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <thread>
#include <vector>

#include "server/chain_sequencer.h"
#include "server/gatekeeper.h"
#include "server/master.h"
#include "server/proxy_call.h"

namespace ramet::server {

// Forwards every method that no other service of the front door has, as bytes,
// to the context of metadata `ramet-target` or of `:authority`: calls of all
// four kinds, whose messages it never parses.
//
// Passed on, both ways: messages one by one, the end of the caller's messages,
// flow control, the remaining deadline, cancellation, metadata (but what is
// gRPC's or ramet's own), the status with its details.
//
// Memory: of each call and direction one message beside what stub::RawCall
//   keeps and kInitialWindowBytes.
// Threads: its own, which wait for gRPC's events and post to the master's loop.
//   The callback API would hand each event to one more thread
//   (docs/decisions/0009-proxy-threads.md).
class ProxyService {
 public:
  // Adds itself to a server that is about to be built. `master`, `gatekeeper`
  // and `chains` outlive it.
  ProxyService(Master* master, ConnectOptions connect,
               const Gatekeeper* gatekeeper, ChainSequencer* chains,
               grpc::ServerBuilder* builder);
  // After the server's Shutdown(), which ends its calls; waits for them and for
  // its threads.
  ~ProxyService();
  ProxyService(const ProxyService&) = delete;
  ProxyService& operator=(const ProxyService&) = delete;

  // Begins to serve; the server is built.
  void Start();

 private:
  void Work();

  ProxyCall::Door door_;
  std::vector<std::thread> threads_;
};

}  // namespace ramet::server

#endif  // SERVER_PROXY_SERVICE_H_
