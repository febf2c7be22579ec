#include "server/ssh/keyboard_interactive.h"

#include <string.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "transports/text_tail.h"

namespace ramet::server {
namespace {

std::string QuestionText(const std::string& who, std::string_view instruction,
                         std::string_view prompt) {
  std::string text = "(" + who + ") ";
  if (!instruction.empty()) text += transports::Printable(instruction) + " ";
  return text + transports::Printable(prompt);
}

}  // namespace

// What the thread and the loop share; tasks that are still posted hold it.
struct KeyboardInteractive::Shared {
  KeyboardInteractive* owner = nullptr;  // the loop's thread only
  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by `mutex`.
  std::vector<Prompter::Question> questions;
  std::vector<std::string> answers;
  bool declined = false;
};

KeyboardInteractive::KeyboardInteractive(core::EventLoop* loop,
                                         SshSocket* socket, std::string user,
                                         std::string who, Prompter* prompter,
                                         Callback done)
    : loop_(loop),
      socket_(socket),
      who_(std::move(who)),
      prompter_(prompter),
      done_(std::move(done)),
      shared_(std::make_shared<Shared>()) {
  shared_->owner = this;
  socket_->set_context(this);
  socket_->SetBlocking(true);
  thread_ = std::thread([this, user = std::move(user), shared = shared_] {
    const int result = libssh2_userauth_keyboard_interactive_ex(
        socket_->session(), user.data(), static_cast<unsigned>(user.size()),
        &OnQuestions);
    loop_->Post([shared, result] {
      if (shared->owner != nullptr) shared->owner->Finish(result);
    });
  });
}

KeyboardInteractive::~KeyboardInteractive() {
  shared_->owner = nullptr;
  pending_.reset();
  if (thread_.joinable()) {
    {
      std::lock_guard<std::mutex> lock(shared_->mutex);
      shared_->declined = true;
    }
    shared_->changed.notify_all();
    shutdown(socket_->fd(), SHUT_RDWR);
    thread_.join();
    socket_->set_broken();
    socket_->SetBlocking(false);
  }
  socket_->set_context(nullptr);
}

void KeyboardInteractive::OnQuestions(
    const char* name, int name_size, const char* instruction,
    int instruction_size, int count,
    const LIBSSH2_USERAUTH_KBDINT_PROMPT* prompts,
    LIBSSH2_USERAUTH_KBDINT_RESPONSE* responses, void** abstract) {
  auto* const self = static_cast<KeyboardInteractive*>(
      static_cast<SshSocket*>(*abstract)->context());
  std::vector<Prompter::Question> questions;
  for (int i = 0; i < count; ++i) {
    Prompter::Question question;
    question.text = QuestionText(
        self->who_, std::string_view(instruction, instruction_size),
        std::string_view(prompts[i].text, prompts[i].length));
    question.secret = prompts[i].echo == 0;
    questions.push_back(std::move(question));
  }
  const std::vector<std::string> answers =
      self->WaitForAnswers(std::move(questions));
  for (int i = 0; i < count; ++i) {
    const std::string answer = i < answers.size() ? answers[i] : "";
    // libssh2 frees it.
    responses[i].text = static_cast<char*>(
        self->socket_->memory()->Allocate(answer.size() + 1));
    memcpy(responses[i].text, answer.c_str(), answer.size() + 1);
    responses[i].length = static_cast<unsigned>(answer.size());
  }
}

// On the attempt's thread.
std::vector<std::string> KeyboardInteractive::WaitForAnswers(
    std::vector<Prompter::Question> questions) {
  const size_t count = questions.size();
  if (count == 0) return {};
  std::unique_lock<std::mutex> lock(shared_->mutex);
  shared_->questions = std::move(questions);
  shared_->answers.clear();
  loop_->Post([shared = shared_] {
    if (shared->owner != nullptr) shared->owner->AskNext();
  });
  shared_->changed.wait(lock, [this, count] {
    return shared_->declined || shared_->answers.size() == count;
  });
  return shared_->answers;
}

void KeyboardInteractive::AskNext() {
  Prompter::Question question;
  {
    std::lock_guard<std::mutex> lock(shared_->mutex);
    if (shared_->answers.size() == shared_->questions.size()) return;
    question = shared_->questions[shared_->answers.size()];
  }
  pending_ = prompter_->Ask(
      loop_, question, [this](bool given, const std::string& answer) {
        pending_.reset();
        bool more = false;
        {
          std::lock_guard<std::mutex> lock(shared_->mutex);
          if (given) {
            shared_->answers.push_back(answer);
          } else {
            shared_->declined = true;
          }
          more = given && shared_->answers.size() < shared_->questions.size();
        }
        shared_->changed.notify_all();
        if (more) AskNext();
      });
}

void KeyboardInteractive::Finish(int result) {
  thread_.join();
  socket_->SetBlocking(false);
  const bool declined = shared_->declined;
  const Callback done = done_;
  done(result, declined);
}

}  // namespace ramet::server
