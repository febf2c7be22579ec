#include "server/ssh/ssh_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "core/base/check.h"
#include "transports/text_tail.h"

namespace ramet::server {
namespace {

// Not thread-safe in libssh2; a function's static is.
void InitLibssh2() {
  static const int result = libssh2_init(0);
  RAMET_CHECK(result == 0);
}

SessionMemory* MemoryOf(void** abstract) {
  return static_cast<SshSocket*>(*abstract)->memory();
}

void* Allocate(size_t size, void** abstract) {
  return MemoryOf(abstract)->Allocate(size);
}

void* Reallocate(void* memory, size_t size, void** abstract) {
  return MemoryOf(abstract)->Reallocate(memory, size);
}

void Free(void* memory, void** abstract) { MemoryOf(abstract)->Free(memory); }

}  // namespace

SshSocket::SshSocket(core::UniqueFd fd, parent::ConnectStats* stats)
    : fd_(std::move(fd)), stats_(stats) {
  InitLibssh2();
  session_ = libssh2_session_init_ex(&Allocate, &Free, &Reallocate, this);
  RAMET_CHECK(session_ != nullptr);
  libssh2_session_set_blocking(session_, 0);
  libssh2_session_callback_set(session_, LIBSSH2_CALLBACK_SEND,
                               reinterpret_cast<void*>(&OnSend));
  libssh2_session_callback_set(session_, LIBSSH2_CALLBACK_RECV,
                               reinterpret_cast<void*>(&OnReceive));
  libssh2_session_callback_set(session_, LIBSSH2_CALLBACK_DISCONNECT,
                               reinterpret_cast<void*>(&OnDisconnect));
}

SshSocket::~SshSocket() {
  SetBlocking(false);
  deaf_ = true;
  if (!ended_ && !broken_ && !HalfSent()) {
    libssh2_session_disconnect_ex(session_, SSH_DISCONNECT_BY_APPLICATION, "",
                                  "");
  }
  // From here on every send and receive fails at once, so nothing waits.
  broken_ = true;
  while (libssh2_session_free(session_) == LIBSSH2_ERROR_EAGAIN) {
  }
}

void SshSocket::SetBlocking(bool blocking) {
  blocking_ = blocking;
  libssh2_session_set_blocking(session_, blocking ? 1 : 0);
}

bool SshSocket::TakeReceived() { return std::exchange(received_, false); }

uint32_t SshSocket::WantedEvents() const {
  const int directions = libssh2_session_block_directions(session_);
  uint32_t events = 0;
  if (directions & LIBSSH2_SESSION_BLOCK_INBOUND) events |= EPOLLIN;
  if (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) events |= EPOLLOUT;
  return events != 0 ? events : static_cast<uint32_t>(EPOLLIN);
}

bool SshSocket::HalfSent() const {
  return (libssh2_session_block_directions(session_) &
          LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0;
}

std::string SshSocket::ErrorText() const {
  if (!disconnect_text_.empty()) {
    return "the server says: " + disconnect_text_;
  }
  if (error_ != 0) return strerror(error_);
  if (ended_) return "the server closed the connection";
  char* text = nullptr;
  libssh2_session_last_error(session_, &text, nullptr, 0);
  return text != nullptr && *text != '\0' ? text : "unknown error of libssh2";
}

ssize_t SshSocket::OnSend(libssh2_socket_t socket, const void* bytes,
                          size_t count, int flags, void** abstract) {
  auto* const self = static_cast<SshSocket*>(*abstract);
  if (self->broken_) return -EPIPE;
  const ssize_t sent =
      send(self->fd_.get(), bytes, count, flags | MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno == EAGAIN || errno == EINTR) return -EAGAIN;
    self->error_ = errno;
    return -errno;
  }
  if (self->stats_ != nullptr) self->stats_->bytes_sent += sent;
  self->sent_last_ = true;
  return sent;
}

ssize_t SshSocket::OnReceive(libssh2_socket_t socket, void* buffer,
                             size_t capacity, int flags, void** abstract) {
  auto* const self = static_cast<SshSocket*>(*abstract);
  if (self->broken_) return -ECONNRESET;
  if (self->deaf_) return -EAGAIN;
  const ssize_t count = recv(self->fd_.get(), buffer, capacity, flags);
  if (count > 0) {
    self->received_ = true;
    if (self->quick_ack_) {
      const int on = 1;  // lasts until the kernel sees fit
      setsockopt(self->fd_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    }
    if (self->stats_ != nullptr) {
      self->stats_->bytes_received += count;
      if (self->sent_last_) ++self->stats_->round_trips;
    }
    self->sent_last_ = false;
    return count;
  }
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return -EAGAIN;
    self->error_ = errno;
  }
  self->ended_ = true;
  return self->blocking_ ? count : -EAGAIN;
}

void SshSocket::OnDisconnect(LIBSSH2_SESSION* session, int reason,
                             const char* message, int message_size,
                             const char* language, int language_size,
                             void** abstract) {
  auto* const self = static_cast<SshSocket*>(*abstract);
  self->ended_ = true;
  self->disconnect_text_ = transports::Printable(
      std::string_view(message, message_size > 0 ? message_size : 0));
  if (self->disconnect_text_.empty()) {
    self->disconnect_text_ = "disconnect reason " + std::to_string(reason);
  }
}

}  // namespace ramet::server
