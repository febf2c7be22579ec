#include "transports/process_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "core/base/strings.h"

namespace ramet::transports {
namespace {

// A read of this many bytes has emptied a pipe of the kernel's default size.
constexpr ssize_t kDefaultPipeBytes = 65536;
// Reads of standard error per turn, so that a chatty child can't hold the loop.
constexpr int kMaxStderrReads = 16;

struct Pipe {
  bool Open() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return false;
    read_end.Reset(fds[0]);
    write_end.Reset(fds[1]);
    return true;
  }
  core::UniqueFd read_end;
  core::UniqueFd write_end;
};

// A child that is gone is an error of write(2), not the end of this process.
void BlockSigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

ProcessStream::ProcessStream(core::EventLoop* loop, std::string name,
                             core::SpawnOptions options)
    : loop_(loop), name_(std::move(name)), child_(loop, this) {
  BlockSigpipe();
  Pipe input;
  Pipe output;
  Pipe errors;
  if (!input.Open() || !output.Open() || !errors.Open()) {
    start_status_ =
        core::Error(core::Code::kResourceExhausted,
                    {"cannot start ", name_, ": no pipe: ", strerror(errno)});
    return;
  }
  if (options.fds.size() < 3) options.fds.resize(3);
  options.fds[STDIN_FILENO] = input.read_end.get();
  options.fds[STDOUT_FILENO] = output.write_end.get();
  options.fds[STDERR_FILENO] = errors.write_end.get();
  start_status_ = child_.Start(options);
  if (!start_status_.ok()) return;
  stdin_fd_ = input.write_end.get();
  stdout_fd_ = output.read_end.get();
  stdio_ = std::make_unique<core::FdStream>(loop_, std::move(output.read_end),
                                            std::move(input.write_end));
  stderr_ = std::move(errors.read_end);
  core::SetNonBlocking(stderr_.get());
  loop_->Watch(stderr_.get(), EPOLLIN, this);
}

ProcessStream::~ProcessStream() {
  loop_->CancelTimer(grace_timer_);
  loop_->CancelTimer(end_timer_);
  if (stderr_.valid()) loop_->Unwatch(stderr_.get());
}

void ProcessStream::SetListener(core::ByteStream::Listener* listener) {
  listener_ = listener;
  if (stdio_ != nullptr) stdio_->SetListener(listener);
  if (AtEnd()) TellEnd();
}

ssize_t ProcessStream::Read(char* buffer, size_t capacity) {
  if (stdio_ == nullptr) return -EPROTO;
  if (!output_ended_) {
    const ssize_t count = stdio_->Read(buffer, capacity);
    if (count > 0) {
      received_ = true;
      if (count >= kDefaultPipeBytes && !stdout_grown_) {
        stdout_grown_ = true;
        fcntl(stdout_fd_, F_SETPIPE_SZ, kGrownPipeBytes);
      }
      return count;
    }
    if (count == -EAGAIN && !grace_over_) return count;
    output_ended_ = true;
    stdio_->PauseRead(true);
  }
  if (AtEnd()) {
    loop_->CancelTimer(grace_timer_);
    grace_timer_ = 0;
    return 0;
  }
  StartGrace();
  return -EAGAIN;
}

ssize_t ProcessStream::Write(const char* bytes, size_t count) {
  if (stdio_ == nullptr) return -EPROTO;
  const ssize_t written = stdio_->Write(bytes, count);
  if (written == -EPROTO) StartGrace();
  if (written != static_cast<ssize_t>(count) && !stdin_grown_) {
    stdin_grown_ = true;
    fcntl(stdin_fd_, F_SETPIPE_SZ, kGrownPipeBytes);
  }
  return written;
}

void ProcessStream::WantWrite(bool want) {
  if (stdio_ != nullptr) stdio_->WantWrite(want);
}

void ProcessStream::PauseRead(bool pause) {
  if (pause == paused_) return;
  paused_ = pause;
  if (stdio_ != nullptr && !output_ended_) stdio_->PauseRead(pause);
  if (!pause && AtEnd()) TellEnd();
}

// Nothing more can come, and it is known why.
bool ProcessStream::AtEnd() const {
  if (stdio_ == nullptr) return true;
  return output_ended_ && (child_.exited() || grace_over_);
}

void ProcessStream::TellEnd() {
  if (end_timer_ != 0) return;
  end_timer_ = loop_->RunAfter(0, [this] {
    end_timer_ = 0;
    if (!paused_ && listener_ != nullptr) listener_->OnReadable();
  });
}

void ProcessStream::StartGrace() {
  if (grace_timer_ != 0 || grace_over_) return;
  grace_timer_ = loop_->RunAfter(kGraceUs, [this] {
    grace_timer_ = 0;
    grace_over_ = true;
    if (!child_.exited()) {
      child_.Kill();  // OnExit tells
    } else {
      TellEnd();
    }
  });
}

void ProcessStream::OnExit() {
  ReadStderr();
  if (output_ended_) {
    TellEnd();
  } else {
    StartGrace();
  }
}

void ProcessStream::OnReady(uint32_t events) { ReadStderr(); }

void ProcessStream::ReadStderr() {
  if (!stderr_.valid()) return;
  char buffer[4096];
  for (int i = 0; i < kMaxStderrReads; ++i) {
    const ssize_t count = read(stderr_.get(), buffer, sizeof buffer);
    if (count > 0) {
      stderr_tail_.Append(std::string_view(buffer, count));
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
      loop_->Unwatch(stderr_.get());
      stderr_.Reset();
      return;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

core::Status ProcessStream::status() const {
  if (!start_status_.ok() || !AtEnd()) return start_status_;
  const int wait_status = child_.wait_status();
  std::string end = " closed its output and could not be killed";
  if (child_.exited() && WIFEXITED(wait_status)) {
    end = core::Concat({" exited with status ", WEXITSTATUS(wait_status)});
  } else if (child_.exited()) {
    end = core::Concat({" was ", core::DescribeWaitStatus(wait_status)});
  }
  const std::string tail = stderr_tail_.Text();
  return core::Error(core::Code::kUnavailable,
                     {name_, end, tail.empty() ? "" : ": ", tail});
}

}  // namespace ramet::transports
