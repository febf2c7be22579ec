#ifndef SERVER_SSH_SSH_CHANNEL_H_
#define SERVER_SSH_SSH_CHANNEL_H_

#include <libssh2.h>
#include <sys/types.h>

#include <string>

#include "core/base/status.h"
#include "server/ssh/send_buffer.h"
#include "server/ssh/ssh_socket.h"
#include "transports/text_tail.h"

namespace ramet::server {

// The one channel of a session: open, exec, bytes both ways, exit status.
//
// libssh2 wants a call that left half a packet behind to be repeated before any
// other that may send. The channel remembers which one that is; see Unblock.
//
// Ownership: borrows the socket, which frees the channel with the session.
// Threads: the loop's. Blocking: never.
class SshChannel {
 public:
  // What the far end may send ahead of our reading.
  static constexpr unsigned kWindowBytes = 16 * 1024 * 1024;

  enum class Step { kAgain, kDone, kFailed };

  explicit SshChannel(SshSocket* socket) : socket_(socket) {}
  SshChannel(const SshChannel&) = delete;
  SshChannel& operator=(const SshChannel&) = delete;

  Step Open();
  Step RequestExec(const std::string& command);
  // The exec request is on its way, though its answer is not here: bytes may
  // follow it. Servers that open the channel with a window (dropbear) so save a
  // round trip; sshd opens it together with the answer.
  bool exec_sent() const { return exec_sent_; }

  // > 0: bytes. 0: the output has ended. -EAGAIN: nothing now. -EPROTO: lost.
  ssize_t Read(char* buffer, size_t capacity);
  // False: something that Read has not given yet may lie in libssh2, where the
  // socket's readiness does not show it.
  bool drained() const { return drained_ && stash_.empty(); }

  // Takes what fits into the buffer and sends what libssh2 takes; 0: full.
  size_t Write(const char* bytes, size_t count);
  bool full() const { return out_.full(); }
  bool all_sent() const { return out_.empty(); }
  void Flush();

  // After the end of the output: done once the channel is closed, which the
  // exit status comes before.
  Step WaitForExit();
  core::Status ExplainEnd();
  // What the command last said on its standard error.
  std::string last_words() const { return stderr_tail_.Text(); }

  // A call waits for the socket to take the rest of a packet.
  bool blocked() const { return blocked_ != Blocked::kNone; }

 private:
  // The call that left half a packet behind.
  enum class Blocked { kNone, kWrite, kRead, kReadStderr };

  bool Unblock();
  void Send();
  ssize_t ReadOutput(char* buffer, size_t capacity);
  void ReadStderr();

  SshSocket* const socket_;
  LIBSSH2_CHANNEL* channel_ = nullptr;
  bool exec_sent_ = false;
  bool received_ = false;
  bool drained_ = true;
  Blocked blocked_ = Blocked::kNone;
  SendBuffer out_;
  std::string stash_;  // read while Unblock had to
  transports::TextTail stderr_tail_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_SSH_CHANNEL_H_
