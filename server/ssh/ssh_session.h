#ifndef SERVER_SSH_SSH_SESSION_H_
#define SERVER_SSH_SSH_SESSION_H_

#include <memory>

#include "core/loop/event_loop.h"
#include "parent/connect_stats.h"
#include "server/ssh/authenticator.h"
#include "server/ssh/host_key_check.h"
#include "server/ssh/prompter.h"
#include "server/ssh/ssh_config.h"
#include "server/ssh/ssh_failure.h"
#include "server/ssh/ssh_socket.h"
#include "server/ssh/tcp_connector.h"

namespace ramet::server {

// An authenticated ssh session over libssh2, from the name to the open door:
// resolve, connect, key exchange, host key, authentication.
//
// Ownership: destroying it closes the connection and waits for nothing.
// Threads: the loop's (see TcpConnector and KeyboardInteractive).
class SshSession final : private core::IoHandler {
 public:
  // Calls come from the loop; any but OnSocketReady may destroy the session,
  // and that too.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnSessionReady() = 0;
    virtual void OnSessionFailed(const SshFailure& failure) = 0;
    // Once ready: the socket has one of the events that WatchFor asked for.
    virtual void OnSocketReady() = 0;
  };

  // `prompter` and `stats` may be null. `has_fallback`: see Authenticator.
  SshSession(core::EventLoop* loop, const SshConfig& config, Prompter* prompter,
             bool has_fallback, parent::ConnectStats* stats,
             Listener* listener);
  ~SshSession() override;

  const char* phase() const { return phase_; }
  SshSocket* socket() { return socket_.get(); }
  // EPOLL* bits; 0: none. Once ready.
  void WatchFor(uint32_t events);

 private:
  enum class State { kConnecting, kKeyExchange, kAuthentication, kReady };

  void OnConnected(const core::Status& status, core::UniqueFd fd);
  void OnReady(uint32_t events) override;
  void Drive();
  void Handshake();
  void CheckHostKey();
  void Authenticate();
  void Fail(const SshFailure& failure);
  void FailHandshake(int error);
  void EnterPhase(const char* name);

  core::EventLoop* const loop_;
  const SshConfig config_;
  Prompter* const prompter_;
  const bool has_fallback_;
  parent::ConnectStats* const stats_;
  Listener* const listener_;
  const char* phase_ = "resolve";
  State state_ = State::kConnecting;
  HostKeyCheck host_key_check_;
  std::unique_ptr<SshSocket> socket_;
  uint32_t events_ = 0;  // watched for
  std::unique_ptr<TcpConnector> connector_;
  std::unique_ptr<Authenticator> authenticator_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_SSH_SESSION_H_
