#ifndef SERVER_SSH_TCP_CONNECTOR_H_
#define SERVER_SSH_TCP_CONNECTOR_H_

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "core/loop/event_loop.h"

namespace ramet::server {

// Resolves a name and connects to the first of its addresses that answers, in
// the resolver's order (getaddrinfo(3)).
//
// Ownership: destroying it forgets everything; a thread that still waits for
//   the resolver ends by itself and touches nothing of this.
// Threads: the loop's; names that are no addresses are resolved in a thread of
//   their own, because getaddrinfo blocks.
class TcpConnector final : private core::IoHandler {
 public:
  // OK and the connected socket (non-blocking, TCP_NODELAY, keepalive), or
  // UNAVAILABLE with each address and errno's text. Comes from the loop and may
  // destroy the connector.
  using Callback =
      std::function<void(const core::Status& status, core::UniqueFd socket)>;

  struct Target {
    std::string host;
    uint16_t port = 22;
    int address_family = 0;  // AF_*; 0: any
    int timeout_s = 0;       // for each address; 0: the kernel's
  };

  TcpConnector(core::EventLoop* loop, Target target, Callback done);
  ~TcpConnector() override;
  TcpConnector(const TcpConnector&) = delete;
  TcpConnector& operator=(const TcpConnector&) = delete;

  // "resolve" or "connect"; `on_connect` is called between them.
  const char* phase() const { return resolved_ ? "connect" : "resolve"; }
  void OnConnectPhase(std::function<void()> on_connect) {
    on_connect_ = std::move(on_connect);
  }

 private:
  struct Address {
    sockaddr_storage bytes;
    socklen_t size;
    int family;
  };
  struct Lookup;

  void StartLookup();
  static bool Resolve(const Target& target, int flags,
                      std::vector<Address>* addresses, std::string* error);
  void OnResolved(const std::vector<Address>& addresses,
                  const std::string& error);
  void TryNext();
  void OnReady(uint32_t events) override;
  void AddressFailed(const std::string& why);
  void Finish(const core::Status& status);

  core::EventLoop* const loop_;
  const Target target_;
  const Callback done_;
  std::function<void()> on_connect_;
  std::shared_ptr<Lookup> lookup_;
  bool resolved_ = false;
  std::vector<Address> addresses_;
  size_t next_ = 0;
  core::UniqueFd socket_;
  bool watched_ = false;
  core::EventLoop::TimerId timer_ = 0;
  std::string errors_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_TCP_CONNECTOR_H_
