#ifndef SERVER_SSH_KEY_ATTEMPT_H_
#define SERVER_SSH_KEY_ATTEMPT_H_

#include <libssh2.h>

#include <functional>
#include <memory>
#include <string>

#include "server/ssh/agent_client.h"
#include "server/ssh/key_candidates.h"
#include "server/ssh/prompter.h"
#include "server/ssh/ssh_socket.h"

namespace ramet::server {

// One publickey authentication (RFC 4252, 7) with one key. An encrypted file's
// passphrase is asked for only after the server has said that it would take
// the key.
//
// Ownership: borrows all; destroying it withdraws questions and signatures, but
//   not a half-done exchange with the server. Threads: the loop's.
class KeyAttempt {
 public:
  enum class Step {
    kBlocked,  // Run again when the socket is ready
    kWaiting,  // `wake` will come
    kAccepted,
    kRefused,  // by the server; or unusable: see note()
    kLost,     // the connection
  };

  // `prompter` may be null: nobody can be asked.
  KeyAttempt(core::EventLoop* loop, SshSocket* socket, AgentClient* agent,
             Prompter* prompter, std::string user, const KeyCandidate& key,
             std::function<void()> wake);

  Step Run();
  // Why the key could not be used, when that is not the server's refusal.
  const std::string& note() const { return note_; }

 private:
  static constexpr int kMaxPassphrases = 3;

  enum class Stage { kProbe, kAskPassphrase, kSign };

  static int SignWithAgent(LIBSSH2_SESSION* session, unsigned char** signature,
                           size_t* signature_size, const unsigned char* data,
                           size_t data_size, void** abstract);
  static int OnProbed(LIBSSH2_SESSION* session, unsigned char** signature,
                      size_t* signature_size, const unsigned char* data,
                      size_t data_size, void** abstract);
  Step RunProbe();
  Step RunSign();
  Step Explain(int result);
  void AskPassphrase();

  core::EventLoop* const loop_;
  SshSocket* const socket_;
  AgentClient* const agent_;
  Prompter* const prompter_;
  const std::string user_;
  const KeyCandidate key_;
  const std::function<void()> wake_;
  std::string public_text_;
  Stage stage_;
  std::string note_;

  enum class Signing { kIdle, kAsked, kAnswered };
  Signing signing_ = Signing::kIdle;
  std::string signature_;
  bool probed_ = false;
  int passphrases_ = 0;
  std::string passphrase_;
  std::unique_ptr<Prompter::Pending> pending_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_KEY_ATTEMPT_H_
