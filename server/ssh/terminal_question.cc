#include "server/ssh/terminal_question.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "core/base/unique_fd.h"

namespace ramet::server {
namespace {

constexpr char kInterrupt = 3;  // Ctrl-C

class TerminalQuestion final : public Prompter::Pending,
                               private core::IoHandler {
 public:
  TerminalQuestion(core::EventLoop* loop, const Prompter::Question& question,
                   Prompter::Callback done)
      : loop_(loop),
        done_(std::move(done)),
        terminal_(
            open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {
    if (!terminal_.valid() || tcgetattr(terminal_.get(), &before_) != 0) {
      terminal_.Reset();
      timer_ = loop_->RunAfter(0, [this] {
        timer_ = 0;
        Answer(false, std::string());
      });
      return;
    }
    termios now = before_;
    if (question.secret) now.c_lflag &= ~(ECHO | ECHONL);
    // Ctrl-C ends the line instead of the process, which could not restore the
    // terminal any more.
    now.c_lflag &= ~ISIG;
    now.c_lflag |= ICANON;
    now.c_cc[VEOL] = kInterrupt;
    tcsetattr(terminal_.get(), TCSAFLUSH, &now);
    Print(question.text);
    loop_->Watch(terminal_.get(), EPOLLIN, this);
  }

  ~TerminalQuestion() override {
    loop_->CancelTimer(timer_);
    Restore();
  }

 private:
  void Print(const std::string& text) {
    // A terminal that takes nothing has nobody in front of it.
    (void)!write(terminal_.get(), text.data(), text.size());
  }

  void Restore() {
    if (!terminal_.valid()) return;
    loop_->Unwatch(terminal_.get());
    tcsetattr(terminal_.get(), TCSAFLUSH, &before_);
    Print("\n");
    terminal_.Reset();
  }

  void OnReady(uint32_t events) override {
    char line[4096];
    const ssize_t count = read(terminal_.get(), line, sizeof line);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    Restore();
    std::string answer(line, count > 0 ? count : 0);
    const bool interrupted = !answer.empty() && answer.back() == kInterrupt;
    if (interrupted) raise(SIGINT);
    const bool given = !interrupted && !answer.empty();
    if (given && answer.back() == '\n') answer.pop_back();
    Answer(given, answer);
  }

  void Answer(bool given, const std::string& answer) {
    const Prompter::Callback done = std::exchange(done_, nullptr);
    done(given, answer);
  }

  core::EventLoop* const loop_;
  Prompter::Callback done_;
  core::UniqueFd terminal_;
  termios before_;
  core::EventLoop::TimerId timer_ = 0;
};

}  // namespace

std::unique_ptr<Prompter::Pending> AskOnTerminal(
    core::EventLoop* loop, const Prompter::Question& question,
    Prompter::Callback done) {
  return std::make_unique<TerminalQuestion>(loop, question, std::move(done));
}

}  // namespace ramet::server
