#ifndef SERVER_SSH_SSH_SOCKET_H_
#define SERVER_SSH_SSH_SOCKET_H_

#include <libssh2.h>
#include <stdint.h>

#include <string>

#include "core/base/unique_fd.h"
#include "parent/connect_stats.h"
#include "server/ssh/session_memory.h"

namespace ramet::server {

// A libssh2 session and the socket under it: counts what passes, and gives
// libssh2 the end of the connection only after the data before it. (libssh2
// 1.10 answers a closed socket with an error even while packets that it has
// taken in are still unread.)
//
// Threads: one at a time; the user hands it over (KeyboardInteractive).
class SshSocket {
 public:
  // `stats` may be null; it outlives this otherwise.
  SshSocket(core::UniqueFd fd, parent::ConnectStats* stats);
  // Closes. Sends at most a disconnect message, if the socket takes it.
  ~SshSocket();
  SshSocket(const SshSocket&) = delete;
  SshSocket& operator=(const SshSocket&) = delete;

  LIBSSH2_SESSION* session() { return session_; }
  int fd() const { return fd_.get(); }

  // libssh2's own modes: blocking calls wait for the socket.
  void SetBlocking(bool blocking);
  // The peer has closed, or the connection has failed.
  bool ended() const { return ended_; }
  // Whether bytes have arrived since the last call of this.
  bool TakeReceived();
  // While set, libssh2 believes that nothing has arrived.
  void set_deaf(bool deaf) { deaf_ = deaf; }
  // While set (at first it is) what arrives is acknowledged at once. sshd sets
  // TCP_NODELAY only for the command: until then, its answers wait for the
  // acknowledgement of what it sent before, 40 ms on Linux.
  void set_quick_ack(bool quick_ack) { quick_ack_ = quick_ack; }
  // EPOLL* bits that libssh2 waits for.
  uint32_t WantedEvents() const;
  // The last call left half a packet behind, and has to be repeated.
  bool HalfSent() const;
  // Nothing more is sent, not even a disconnect message.
  void set_broken() { broken_ = true; }

  // For callbacks of libssh2, which get no more than the SshSocket.
  void set_context(void* context) { context_ = context; }
  void* context() const { return context_; }

  // For what libssh2 frees itself.
  SessionMemory* memory() { return &memory_; }

  // Why the last call failed: the peer's disconnect message, libssh2's text,
  // or errno's, whichever says most.
  std::string ErrorText() const;
  // The peer's SSH_MSG_DISCONNECT; empty: none came.
  const std::string& disconnect_text() const { return disconnect_text_; }

 private:
  static ssize_t OnSend(libssh2_socket_t socket, const void* bytes,
                        size_t count, int flags, void** abstract);
  static ssize_t OnReceive(libssh2_socket_t socket, void* buffer,
                           size_t capacity, int flags, void** abstract);
  static void OnDisconnect(LIBSSH2_SESSION* session, int reason,
                           const char* message, int message_size,
                           const char* language, int language_size,
                           void** abstract);

  const core::UniqueFd fd_;
  SessionMemory memory_;
  parent::ConnectStats* const stats_;
  LIBSSH2_SESSION* session_;
  bool blocking_ = false;
  bool ended_ = false;
  bool received_ = false;
  bool deaf_ = false;
  bool broken_ = false;
  bool sent_last_ = false;
  bool quick_ack_ = true;
  void* context_ = nullptr;
  int error_ = 0;  // errno of the socket
  std::string disconnect_text_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_SSH_SOCKET_H_
