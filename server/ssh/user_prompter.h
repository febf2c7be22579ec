#ifndef SERVER_SSH_USER_PROMPTER_H_
#define SERVER_SSH_USER_PROMPTER_H_

#include <deque>
#include <memory>
#include <string>

#include "server/ssh/prompter.h"

namespace ramet::server {

// Asks as ssh(1) does: through the program in $SSH_ASKPASS when
// SSH_ASKPASS_REQUIRE is "force" or "prefer" or there is no terminal, else on
// /dev/tty. One question at a time, whatever number of connections asks.
//
// Ownership: outlives its questions. Threads: one loop's.
class UserPrompter final : public Prompter {
 public:
  enum class Way { kNone, kAskpass, kTerminal };

  UserPrompter();  // from this process's environment
  UserPrompter(Way way, std::string askpass)
      : way_(way), askpass_(std::move(askpass)) {}

  bool available() const override { return way_ != Way::kNone; }
  std::unique_ptr<Pending> Ask(core::EventLoop* loop, const Question& question,
                               Callback done) override;

 private:
  class Queued;

  void Leave(Queued* question);
  void StartFirst();

  Way way_ = Way::kNone;
  std::string askpass_;
  std::deque<Queued*> queue_;  // the first one is being asked
};

}  // namespace ramet::server

#endif  // SERVER_SSH_USER_PROMPTER_H_
