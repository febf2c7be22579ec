#ifndef SERVER_SSH_TESTING_FAKE_PROMPTER_H_
#define SERVER_SSH_TESTING_FAKE_PROMPTER_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/ssh/prompter.h"

namespace ramet::server::testing {

// Gives the answers that it holds, in turn; without one it says "not given", or
// nothing at all when `silent`.
class FakePrompter final : public Prompter {
 public:
  std::deque<std::string> answers;
  std::vector<std::string> questions;
  bool silent = false;

  bool available() const override { return true; }

  std::unique_ptr<Pending> Ask(core::EventLoop* loop, const Question& question,
                               Callback done) override {
    questions.push_back(question.text);
    auto asked = std::make_unique<Asked>(loop);
    if (silent) return asked;
    const bool given = !answers.empty();
    const std::string answer = given ? answers.front() : "";
    if (given) answers.pop_front();
    asked->timer = loop->RunAfter(
        0, [done = std::move(done), given, answer] { done(given, answer); });
    return asked;
  }

 private:
  struct Asked final : public Pending {
    explicit Asked(core::EventLoop* loop) : loop(loop) {}
    ~Asked() override { loop->CancelTimer(timer); }
    core::EventLoop* loop;
    core::EventLoop::TimerId timer = 0;
  };
};

}  // namespace ramet::server::testing

#endif  // SERVER_SSH_TESTING_FAKE_PROMPTER_H_
