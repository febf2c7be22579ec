#ifndef SERVER_SSH_KEYBOARD_INTERACTIVE_H_
#define SERVER_SSH_KEYBOARD_INTERACTIVE_H_

#include <libssh2.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/loop/event_loop.h"
#include "server/ssh/prompter.h"
#include "server/ssh/ssh_socket.h"

namespace ramet::server {

// One attempt of keyboard-interactive authentication (RFC 4256).
//
// libssh2 wants the answers from within a callback, which must not wait on the
// loop's thread. So the session is lent to a thread for the attempt: nobody
// else may touch it until `done`. Questions are Posted to the loop.
//
// Ownership: destroying it ends the attempt: shuts the socket down and joins.
// Threads: the loop's, but for what is said above.
class KeyboardInteractive {
 public:
  // libssh2's result, 0 for accepted; `declined`: nobody answered.
  using Callback = std::function<void(int result, bool declined)>;

  // `who` is put before each question ("guest@web1").
  KeyboardInteractive(core::EventLoop* loop, SshSocket* socket,
                      std::string user, std::string who, Prompter* prompter,
                      Callback done);
  ~KeyboardInteractive();
  KeyboardInteractive(const KeyboardInteractive&) = delete;
  KeyboardInteractive& operator=(const KeyboardInteractive&) = delete;

 private:
  struct Shared;

  static void OnQuestions(const char* name, int name_size,
                          const char* instruction, int instruction_size,
                          int count,
                          const LIBSSH2_USERAUTH_KBDINT_PROMPT* prompts,
                          LIBSSH2_USERAUTH_KBDINT_RESPONSE* responses,
                          void** abstract);
  std::vector<std::string> WaitForAnswers(
      std::vector<Prompter::Question> questions);
  void AskNext();
  void Finish(int result);

  core::EventLoop* const loop_;
  SshSocket* const socket_;
  const std::string who_;
  Prompter* const prompter_;
  const Callback done_;
  const std::shared_ptr<Shared> shared_;
  std::unique_ptr<Prompter::Pending> pending_;
  std::thread thread_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_KEYBOARD_INTERACTIVE_H_
