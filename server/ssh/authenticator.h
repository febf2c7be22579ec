#ifndef SERVER_SSH_AUTHENTICATOR_H_
#define SERVER_SSH_AUTHENTICATOR_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/loop/event_loop.h"
#include "server/ssh/agent_client.h"
#include "server/ssh/key_attempt.h"
#include "server/ssh/key_candidates.h"
#include "server/ssh/keyboard_interactive.h"
#include "server/ssh/prompter.h"
#include "server/ssh/ssh_config.h"
#include "server/ssh/ssh_failure.h"
#include "server/ssh/ssh_socket.h"

namespace ramet::server {

// Makes the server believe who we are: keys of files and agent,
// keyboard-interactive, password, in this order and as far as the server offers
// them. The first key is tried without asking what is offered: that saves a
// round trip. Servers that want several methods one after the other get them.
//
// Ownership: borrows all. Threads: the loop's. A passphrase's key derivation
// (bcrypt, about 0.1 s for ssh-keygen's default) runs on the loop.
class Authenticator {
 public:
  enum class Step {
    kBlocked,  // Run again when the socket is ready
    kWaiting,  // leave the socket alone until `wake`
    kDone,
    kFailed,
  };

  // `prompter` may be null. `wake` asks for Run, from the loop. With
  // `has_fallback` nobody is asked for a password while the ssh binary may have
  // a key that libssh2 can't use.
  Authenticator(core::EventLoop* loop, SshSocket* socket,
                const SshConfig& config, Prompter* prompter, bool has_fallback,
                std::function<void()> wake);
  ~Authenticator();

  Step Run();

  // UNAUTHENTICATED: what the server offers, which keys it refused and which
  // were not tried. UNAVAILABLE: the connection was lost.
  const SshFailure& failure() const { return failure_; }

 private:
  enum class State { kListKeys, kChoose, kKey, kListMethods, kAsk, kPassword };

  bool Offers(const std::string& method) const;
  bool CanAsk() const;
  void OnAgentKeys(std::vector<AgentKey> keys);
  // Each does one step of its state; true: go on at once.
  bool Choose(Step* step);
  bool RunKey(Step* step);
  bool ListMethods(Step* step);
  void StartKeyboardInteractive();
  void AskPassword();
  bool TryPassword(Step* step);
  Step FailLost();
  Step FailRefused();

  core::EventLoop* const loop_;
  SshSocket* const socket_;
  const SshConfig config_;
  Prompter* const prompter_;
  const bool has_fallback_;
  const std::function<void()> wake_;

  State state_ = State::kListKeys;
  std::unique_ptr<AgentClient> agent_;
  KeyCandidates candidates_;
  size_t next_key_ = 0;
  std::unique_ptr<KeyAttempt> key_attempt_;
  std::vector<std::string> refused_keys_;
  std::vector<std::string> notes_;

  bool methods_known_ = false;
  std::vector<std::string> methods_;
  bool asked_agent_ = false;

  std::unique_ptr<KeyboardInteractive> keyboard_interactive_;
  int keyboard_tries_ = 0;
  bool accepted_ = false;
  std::unique_ptr<Prompter::Pending> pending_;
  std::string password_;
  int password_tries_ = 0;
  SshFailure failure_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_AUTHENTICATOR_H_
