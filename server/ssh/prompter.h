#ifndef SERVER_SSH_PROMPTER_H_
#define SERVER_SSH_PROMPTER_H_

#include <functional>
#include <memory>
#include <string>

#include "core/loop/event_loop.h"

namespace ramet::server {

// Asks the person in front of this process for a password, a passphrase or
// whatever a server wants to know.
//
// Threads: the loop's. Blocking: never; the answer comes later.
class Prompter {
 public:
  struct Question {
    std::string text;    // printable, with its colon and space
    bool secret = true;  // the answer is not shown while it is typed
  };
  // `given` false: nobody could or wanted to answer. May destroy the Pending.
  using Callback = std::function<void(bool given, const std::string& answer)>;

  // A question that waits for its answer; destroying it withdraws it.
  class Pending {
   public:
    virtual ~Pending() = default;
  };

  virtual ~Prompter() = default;
  // Whether there is a way to ask anybody.
  virtual bool available() const = 0;
  // Never null. The callback comes from the loop, at most once.
  virtual std::unique_ptr<Pending> Ask(core::EventLoop* loop,
                                       const Question& question,
                                       Callback done) = 0;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_PROMPTER_H_
