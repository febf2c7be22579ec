#include "server/ssh/askpass_question.h"

#include <errno.h>
#include <sys/wait.h>

#include <utility>

#include "core/base/subprocess.h"
#include "core/loop/byte_stream.h"
#include "transports/process_stream.h"

namespace ramet::server {
namespace {

constexpr size_t kMaxAnswerBytes = 4096;

core::SpawnOptions Command(const std::string& program,
                           const Prompter::Question& question) {
  core::SpawnOptions command;
  command.argv = {program, question.text};
  command.die_with_parent = true;
  return command;
}

class AskpassQuestion final : public Prompter::Pending,
                              public core::ByteStream::Listener {
 public:
  AskpassQuestion(core::EventLoop* loop, const std::string& program,
                  const Prompter::Question& question, Prompter::Callback done)
      : done_(std::move(done)),
        process_(loop, "askpass", Command(program, question)) {
    process_.SetListener(this);
  }

 private:
  void OnReadable() override {
    if (!done_) return;
    char buffer[kMaxAnswerBytes];
    for (;;) {
      const ssize_t count = process_.Read(buffer, sizeof buffer);
      if (count == -EAGAIN) return;
      if (count <= 0) break;
      if (answer_.size() < kMaxAnswerBytes) answer_.append(buffer, count);
    }
    const bool given = process_.exited() && WIFEXITED(process_.wait_status()) &&
                       WEXITSTATUS(process_.wait_status()) == 0;
    const Prompter::Callback done = std::exchange(done_, nullptr);
    done(given, answer_.substr(0, answer_.find_first_of("\r\n")));
  }
  void OnWritable() override {}

  Prompter::Callback done_;
  std::string answer_;
  transports::ProcessStream process_;
};

}  // namespace

std::unique_ptr<Prompter::Pending> AskThroughProgram(
    core::EventLoop* loop, const std::string& program,
    const Prompter::Question& question, Prompter::Callback done) {
  return std::make_unique<AskpassQuestion>(loop, program, question,
                                           std::move(done));
}

}  // namespace ramet::server
