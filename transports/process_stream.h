#ifndef TRANSPORTS_PROCESS_STREAM_H_
#define TRANSPORTS_PROCESS_STREAM_H_

#include <memory>
#include <string>

#include "core/base/subprocess.h"
#include "core/base/unique_fd.h"
#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "core/loop/fd_stream.h"
#include "transports/child_process.h"
#include "transports/text_tail.h"

namespace ramet::transports {

// A ByteStream over a child's standard input and output; its standard error is
// kept for status().
//
// The end of the stream is reported after all data and when it is known how
// the process ended. A process that outlives its output by kGraceUs, or whose
// descendants hold the output for as long after its exit, is killed.
//
// Two pipes: a round trip costs half of a socketpair's. They start at the
// kernel's size and grow when found full, so that a thousand idle ones stay
// within a user's allowance (pipe(7), pipe-user-pages-soft).
//
// Threads: the loop's; blocks SIGPIPE on it. Blocking: only the constructor,
//   until the child has called exec.
class ProcessStream final : public core::ByteStream,
                            private core::IoHandler,
                            private ChildProcess::Listener {
 public:
  static constexpr int64_t kGraceUs = 2'000'000;
  static constexpr int kGrownPipeBytes = 1 << 20;  // pipe-max-size's default

  // `name` is how status() calls the program. The first three of `options.fds`
  // are set here.
  ProcessStream(core::EventLoop* loop, std::string name,
                core::SpawnOptions options);
  ~ProcessStream() override;

  void SetListener(core::ByteStream::Listener* listener) override;
  ssize_t Read(char* buffer, size_t capacity) override;
  ssize_t Write(const char* bytes, size_t count) override;
  void WantWrite(bool want) override;
  void PauseRead(bool pause) override;
  void Detach() override { child_.Release(); }
  // "NAME exited with status 3: last lines", UNAVAILABLE; or core::Spawn's.
  core::Status status() const override;
  std::string tail() const override { return stderr_tail_.Text(); }
  const char* phase() const override { return received_ ? "call" : "start"; }

  bool received() const { return received_; }
  bool exited() const { return child_.exited(); }
  int wait_status() const { return child_.wait_status(); }
  const TextTail& stderr_tail() const { return stderr_tail_; }

 private:
  void OnReady(uint32_t events) override;  // standard error
  void OnExit() override;
  void ReadStderr();
  bool AtEnd() const;
  void StartGrace();
  void TellEnd();

  core::EventLoop* const loop_;
  const std::string name_;
  core::Status start_status_;
  ChildProcess child_;
  int stdin_fd_ = -1;
  int stdout_fd_ = -1;
  std::unique_ptr<core::FdStream> stdio_;  // null when the start failed
  core::UniqueFd stderr_;
  TextTail stderr_tail_;
  core::ByteStream::Listener* listener_ = nullptr;
  bool received_ = false;
  bool paused_ = false;
  bool output_ended_ = false;
  bool grace_over_ = false;
  bool stdin_grown_ = false;
  bool stdout_grown_ = false;
  core::EventLoop::TimerId grace_timer_ = 0;
  core::EventLoop::TimerId end_timer_ = 0;
};

}  // namespace ramet::transports

#endif  // TRANSPORTS_PROCESS_STREAM_H_
