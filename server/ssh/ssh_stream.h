#ifndef SERVER_SSH_SSH_STREAM_H_
#define SERVER_SSH_SSH_STREAM_H_

#include <memory>
#include <string>

#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "parent/transport.h"
#include "server/ssh/prompter.h"
#include "server/ssh/ssh_channel.h"
#include "server/ssh/ssh_config.h"
#include "server/ssh/ssh_failure.h"
#include "server/ssh/ssh_session.h"

namespace ramet::server {

// A ByteStream over libssh2: one session, one channel, one exec.
//
// Ownership: destroying it closes the connection; nothing is waited for.
// Threads: the loop's. Blocking: never.
class SshStream final : public core::ByteStream, private SshSession::Listener {
 public:
  // How long an exit status may come after the end of the output.
  static constexpr int64_t kExitStatusWaitUs = 1'000'000;

  // `prompter` may be null. `has_fallback`: see Authenticator.
  SshStream(core::EventLoop* loop, const SshConfig& config,
            const parent::OpenRequest& request, Prompter* prompter,
            bool has_fallback);
  ~SshStream() override;

  void SetListener(core::ByteStream::Listener* listener) override;
  ssize_t Read(char* buffer, size_t capacity) override;
  ssize_t Write(const char* bytes, size_t count) override;
  void WantWrite(bool want) override;
  void PauseRead(bool pause) override;
  core::Status status() const override { return failure_.status; }
  std::string tail() const override;
  const char* phase() const override;

  // After Read has said -EPROTO: whether the ssh binary may do better.
  const SshFailure& failure() const { return failure_; }

 private:
  // In order.
  enum class State {
    kConnecting,  // the session's business
    kChannel,     // being opened
    kExec,        // requested
    kOpen,
    kExit,   // the output has ended, the exit status is waited for
    kEnded,  // Read says 0
    kFailed,
  };

  void OnSessionReady() override;
  void OnSessionFailed(const SshFailure& failure) override;
  void OnSocketReady() override { Tell(); }

  void Enter(State state);
  void Advance();
  bool Writable() const;
  void WaitForExit();
  void End();
  void FailLost(const char* what);
  void Fail(const SshFailure& failure, const char* phase);
  void UpdateInterest();
  void TellLater();
  void Tell();

  core::EventLoop* const loop_;
  const std::string command_;
  parent::ConnectStats* const stats_;
  core::ByteStream::Listener* listener_ = nullptr;
  State state_ = State::kConnecting;
  bool want_write_ = false;
  bool paused_ = false;
  SshFailure failure_;
  const char* failure_phase_ = "";
  core::EventLoop::TimerId tell_timer_ = 0;
  core::EventLoop::TimerId exit_timer_ = 0;
  std::unique_ptr<SshSession> session_;
  std::unique_ptr<SshChannel> channel_;  // from kChannel on
  // A listener may destroy the stream from within its call.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool in_callback_ = false;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_SSH_STREAM_H_
