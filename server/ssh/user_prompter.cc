#include "server/ssh/user_prompter.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "core/base/unique_fd.h"
#include "server/ssh/askpass_question.h"
#include "server/ssh/terminal_question.h"

namespace ramet::server {
namespace {

bool HasTerminal() {
  return core::UniqueFd(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY))
      .valid();
}

}  // namespace

// A question in the queue; what asks it exists while it is the first.
class UserPrompter::Queued final : public Prompter::Pending {
 public:
  Queued(UserPrompter* prompter, core::EventLoop* loop,
         const Question& question, Callback done)
      : prompter_(prompter),
        loop_(loop),
        question_(question),
        done_(std::move(done)) {}

  ~Queued() override {
    asking_.reset();
    prompter_->Leave(this);
  }

  void Start(Way way, const std::string& askpass) {
    const auto done = [this](bool given, const std::string& answer) {
      prompter_->Leave(this);
      const Callback callback = done_;
      const std::string copy = answer;
      callback(given, copy);
    };
    if (way == Way::kAskpass) {
      asking_ = AskThroughProgram(loop_, askpass, question_, done);
    } else {
      asking_ = AskOnTerminal(loop_, question_, done);
    }
  }

 private:
  UserPrompter* const prompter_;
  core::EventLoop* const loop_;
  const Question question_;
  const Callback done_;
  std::unique_ptr<Pending> asking_;
};

UserPrompter::UserPrompter() {
  const char* const askpass = getenv("SSH_ASKPASS");
  const char* const require = getenv("SSH_ASKPASS_REQUIRE");
  const bool has_askpass = askpass != nullptr && *askpass != '\0';
  const bool never = require != nullptr && strcmp(require, "never") == 0;
  const bool first = require != nullptr && (strcmp(require, "force") == 0 ||
                                            strcmp(require, "prefer") == 0);
  if (has_askpass) askpass_ = askpass;
  if (has_askpass && first) {
    way_ = Way::kAskpass;
  } else if (HasTerminal()) {
    way_ = Way::kTerminal;
  } else if (has_askpass && !never) {
    way_ = Way::kAskpass;
  }
}

std::unique_ptr<Prompter::Pending> UserPrompter::Ask(core::EventLoop* loop,
                                                     const Question& question,
                                                     Callback done) {
  auto queued = std::make_unique<Queued>(this, loop, question, std::move(done));
  queue_.push_back(queued.get());
  if (queue_.size() == 1) StartFirst();
  return queued;
}

void UserPrompter::Leave(Queued* question) {
  const auto at = std::find(queue_.begin(), queue_.end(), question);
  if (at == queue_.end()) return;
  const bool was_first = at == queue_.begin();
  queue_.erase(at);
  if (was_first && !queue_.empty()) StartFirst();
}

void UserPrompter::StartFirst() { queue_.front()->Start(way_, askpass_); }

}  // namespace ramet::server
