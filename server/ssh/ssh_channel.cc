#include "server/ssh/ssh_channel.h"

#include <errno.h>
#include <string.h>

#include <algorithm>

#include "server/ssh/exit_text.h"

namespace ramet::server {
namespace {

constexpr char kSession[] = "session";
constexpr char kExecRequest[] = "exec";
constexpr size_t kStashBytes = 64 * 1024;
constexpr int kStdout = 0;
constexpr int kStderr = SSH_EXTENDED_DATA_STDERR;

}  // namespace

SshChannel::Step SshChannel::Open() {
  channel_ = libssh2_channel_open_ex(
      socket_->session(), kSession, sizeof kSession - 1, kWindowBytes,
      LIBSSH2_CHANNEL_PACKET_DEFAULT, nullptr, 0);
  if (channel_ != nullptr) return Step::kDone;
  const bool again =
      libssh2_session_last_errno(socket_->session()) == LIBSSH2_ERROR_EAGAIN;
  return again && !socket_->ended() ? Step::kAgain : Step::kFailed;
}

SshChannel::Step SshChannel::RequestExec(const std::string& command) {
  const int result = libssh2_channel_process_startup(
      channel_, kExecRequest, sizeof kExecRequest - 1, command.data(),
      static_cast<unsigned>(command.size()));
  if (result == LIBSSH2_ERROR_EAGAIN && !socket_->ended()) {
    // The request is out once nothing of it is left to send.
    if (!exec_sent_) exec_sent_ = !socket_->HalfSent();
    return Step::kAgain;
  }
  exec_sent_ = exec_sent_ || result == 0;
  return result == 0 ? Step::kDone : Step::kFailed;
}

// True when libssh2 may be called with anything.
bool SshChannel::Unblock() {
  switch (blocked_) {
    case Blocked::kNone:
      break;
    case Blocked::kWrite:
      Send();
      break;
    case Blocked::kRead: {
      blocked_ = Blocked::kNone;
      stash_.resize(kStashBytes);
      const ssize_t count = ReadOutput(stash_.data(), stash_.size());
      // An end or a loss will be met again by Read.
      stash_.resize(count > 0 ? count : 0);
      break;
    }
    case Blocked::kReadStderr:
      blocked_ = Blocked::kNone;
      ReadStderr();
      break;
  }
  return blocked_ == Blocked::kNone;
}

ssize_t SshChannel::Read(char* buffer, size_t capacity) {
  if (stash_.empty() && !Unblock()) {
    drained_ = true;
    return socket_->ended() ? -EPROTO : -EAGAIN;
  }
  if (!stash_.empty()) {
    const size_t count = std::min(capacity, stash_.size());
    memcpy(buffer, stash_.data(), count);
    stash_.erase(0, count);
    drained_ = false;
    return count;
  }
  const ssize_t count = ReadOutput(buffer, capacity);
  drained_ = count <= 0;
  if (count > 0 || blocked()) return count;
  ReadStderr();
  // A window update may have been among the packets.
  if (count == -EAGAIN) Flush();
  return count;
}

ssize_t SshChannel::ReadOutput(char* buffer, size_t capacity) {
  const ssize_t count =
      libssh2_channel_read_ex(channel_, kStdout, buffer, capacity);
  if (count > 0) received_ = true;
  if (count >= 0) return count;
  if (count != LIBSSH2_ERROR_EAGAIN) return -EPROTO;
  if (socket_->HalfSent()) {
    blocked_ = Blocked::kRead;
  } else if (socket_->ended()) {
    return -EPROTO;
  }
  return -EAGAIN;
}

void SshChannel::ReadStderr() {
  // Asked for without a system call whether there is anything.
  while (libssh2_poll_channel_read(channel_, kStderr) > 0) {
    char buffer[4096];
    const ssize_t count =
        libssh2_channel_read_ex(channel_, kStderr, buffer, sizeof buffer);
    if (count == LIBSSH2_ERROR_EAGAIN && socket_->HalfSent()) {
      blocked_ = Blocked::kReadStderr;
    }
    if (count <= 0) return;
    stderr_tail_.Append(std::string_view(buffer, count));
  }
}

size_t SshChannel::Write(const char* bytes, size_t count) {
  if (out_.full()) {
    Flush();
    if (!blocked()) out_.Compact();
  }
  const size_t taken = out_.Append(bytes, count);
  Flush();
  return taken;
}

void SshChannel::Flush() {
  if (Unblock()) Send();
}

void SshChannel::Send() {
  socket_->TakeReceived();
  blocked_ = Blocked::kNone;
  while (!out_.empty()) {
    // libssh2 looks for window updates before each packet: spared while the
    // window is known to be wide enough.
    socket_->set_deaf(libssh2_channel_window_write_ex(channel_, nullptr) >=
                      out_.size());
    const ssize_t count =
        libssh2_channel_write_ex(channel_, kStdout, out_.data(), out_.size());
    socket_->set_deaf(false);
    if (count >= 0) {
      out_.Consume(count);
      continue;
    }
    if (count == LIBSSH2_ERROR_EAGAIN) {
      if (socket_->HalfSent()) blocked_ = Blocked::kWrite;
    } else {
      // What came before the failure may still be read; it shows behind that.
      out_.Consume(out_.size());
    }
    break;
  }
  // Packets for the reader may have been taken off the socket.
  if (socket_->TakeReceived()) drained_ = false;
}

SshChannel::Step SshChannel::WaitForExit() {
  const int result = libssh2_channel_wait_closed(channel_);
  if (result == LIBSSH2_ERROR_EAGAIN && !socket_->ended()) return Step::kAgain;
  return result == 0 ? Step::kDone : Step::kFailed;
}

core::Status SshChannel::ExplainEnd() {
  ReadStderr();
  return ExplainExit(socket_->session(), channel_, last_words(), received_);
}

}  // namespace ramet::server
