#include "server/ssh/ssh_stream.h"

#include <errno.h>
#include <sys/epoll.h>

#include <utility>

namespace ramet::server {

SshStream::SshStream(core::EventLoop* loop, const SshConfig& config,
                     const parent::OpenRequest& request, Prompter* prompter,
                     bool has_fallback)
    : loop_(loop), command_(request.command), stats_(request.stats) {
  session_ = std::make_unique<SshSession>(
      loop, config, prompter, has_fallback, request.stats,
      static_cast<SshSession::Listener*>(this));
}

SshStream::~SshStream() {
  loop_->CancelTimer(tell_timer_);
  loop_->CancelTimer(exit_timer_);
}

void SshStream::SetListener(core::ByteStream::Listener* listener) {
  listener_ = listener;
  if (state_ >= State::kEnded) TellLater();
}

std::string SshStream::tail() const {
  return channel_ != nullptr ? channel_->last_words() : std::string();
}

const char* SshStream::phase() const {
  switch (state_) {
    case State::kConnecting:
      return session_->phase();
    case State::kChannel:
      return "channel";
    case State::kExec:
      return "exec";
    case State::kFailed:
      return failure_phase_;
    default:
      return "first stage";
  }
}

void SshStream::Enter(State state) {
  state_ = state;
  if (stats_ != nullptr) stats_->EnterPhase(phase(), loop_->NowUs());
}

void SshStream::OnSessionReady() {
  channel_ = std::make_unique<SshChannel>(session_->socket());
  Enter(State::kChannel);
  Tell();
}

void SshStream::OnSessionFailed(const SshFailure& failure) {
  Fail(failure, session_->phase());
}

bool SshStream::Writable() const {
  return state_ == State::kOpen ||
         (state_ == State::kExec && channel_->exec_sent());
}

// What the state waits for, without the listener.
void SshStream::Advance() {
  if (state_ == State::kChannel) {
    switch (channel_->Open()) {
      case SshChannel::Step::kAgain:
        break;
      case SshChannel::Step::kDone:
        Enter(State::kExec);
        break;
      case SshChannel::Step::kFailed:
        return FailLost("the server refuses a session");
    }
  }
  if (state_ == State::kExec) {
    switch (channel_->RequestExec(command_)) {
      case SshChannel::Step::kAgain:
        break;
      case SshChannel::Step::kDone:
        Enter(State::kOpen);
        session_->socket()->set_quick_ack(false);
        break;
      case SshChannel::Step::kFailed:
        return FailLost("the server refuses to run a command");
    }
  }
  if (Writable()) channel_->Flush();
  if (state_ == State::kExit) WaitForExit();
}

ssize_t SshStream::Read(char* buffer, size_t capacity) {
  if (state_ == State::kOpen) {
    const ssize_t count = channel_->Read(buffer, capacity);
    if (count > 0) return count;
    if (count == -EPROTO) FailLost("connection lost");
    if (count == 0) {
      state_ = State::kExit;
      exit_timer_ = loop_->RunAfter(kExitStatusWaitUs, [this] {
        exit_timer_ = 0;
        End();
        Tell();
      });
      WaitForExit();
    }
    UpdateInterest();
  }
  if (state_ == State::kEnded) return 0;
  return state_ == State::kFailed ? -EPROTO : -EAGAIN;
}

void SshStream::WaitForExit() {
  if (channel_->WaitForExit() != SshChannel::Step::kAgain) End();
}

void SshStream::End() {
  loop_->CancelTimer(exit_timer_);
  exit_timer_ = 0;
  state_ = State::kEnded;
  failure_.status = channel_->ExplainEnd();
}

void SshStream::FailLost(const char* what) {
  std::string text = what;
  text += ": " + session_->socket()->ErrorText();
  const std::string words = channel_->last_words();
  if (!words.empty()) text += "; its last words: " + words;
  Fail(Lost(std::move(text)), phase());
}

void SshStream::Fail(const SshFailure& failure, const char* phase) {
  failure_ = failure;
  failure_phase_ = phase;
  state_ = State::kFailed;
  TellLater();
}

ssize_t SshStream::Write(const char* bytes, size_t count) {
  if (state_ >= State::kExit) return -EPROTO;
  if (!Writable()) return -EAGAIN;
  const size_t taken = channel_->Write(bytes, count);
  UpdateInterest();
  return taken > 0 || count == 0 ? static_cast<ssize_t>(taken) : -EAGAIN;
}

void SshStream::WantWrite(bool want) {
  want_write_ = want;
  if (want && state_ >= State::kEnded) TellLater();
  UpdateInterest();
}

void SshStream::PauseRead(bool pause) {
  if (paused_ && !pause) TellLater();
  paused_ = pause;
  UpdateInterest();
}

void SshStream::UpdateInterest() {
  // Within a callback: it does this in the end.
  if (state_ == State::kConnecting || in_callback_) return;
  SshSocket* const socket = session_->socket();
  if (socket == nullptr) return;
  if (state_ >= State::kEnded) return session_->WatchFor(0);
  if (state_ == State::kChannel || (state_ == State::kExec && !Writable())) {
    return session_->WatchFor(socket->WantedEvents());
  }
  uint32_t events = 0;
  // Unread packets must not stop answers and window updates: those are waited
  // for while reading is paused, too.
  const bool waits_for_packet = state_ != State::kOpen || !channel_->all_sent();
  if ((!paused_ || waits_for_packet) && !socket->ended()) events |= EPOLLIN;
  if (channel_->blocked() || (want_write_ && channel_->all_sent())) {
    events |= EPOLLOUT;
  }
  session_->WatchFor(events);
  if (!paused_ &&
      (socket->ended() || (state_ == State::kOpen && !channel_->drained()))) {
    TellLater();
  }
}

void SshStream::TellLater() {
  if (tell_timer_ != 0) return;
  tell_timer_ = loop_->RunAfter(0, [this] {
    tell_timer_ = 0;
    Tell();
  });
}

void SshStream::Tell() {
  Advance();
  if (listener_ == nullptr) return UpdateInterest();
  const std::weak_ptr<bool> alive = alive_;
  in_callback_ = true;
  if (want_write_ &&
      (state_ >= State::kEnded || (Writable() && !channel_->full()))) {
    listener_->OnWritable();
    if (alive.expired()) return;
  }
  if (!paused_ && state_ >= State::kOpen && state_ != State::kExit) {
    listener_->OnReadable();
    if (alive.expired()) return;
  }
  in_callback_ = false;
  UpdateInterest();
}

}  // namespace ramet::server
