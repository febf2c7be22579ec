#include "core/loop/fd_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace ramet::core {

void SetNonBlocking(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

FdStream::FdStream(EventLoop* loop, UniqueFd read_fd, UniqueFd write_fd)
    : loop_(loop),
      read_fd_(std::move(read_fd)),
      write_fd_(std::move(write_fd)),
      write_side_(this) {
  SetNonBlocking(read_fd_.get());
  if (write_fd_.valid()) SetNonBlocking(write_fd_.get());
}

FdStream::~FdStream() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  if (watched_) loop_->Unwatch(read_fd_.get());
  if (write_watched_) loop_->Unwatch(write_fd_.get());
}

void FdStream::SetListener(Listener* listener) {
  listener_ = listener;
  UpdateInterest();
}

void FdStream::UpdateInterest() {
  uint32_t events = paused_ ? 0 : static_cast<uint32_t>(EPOLLIN);
  if (!write_fd_.valid() && want_write_) events |= EPOLLOUT;
  // Without interest the descriptor leaves the set: epoll would go on
  // reporting EPOLLHUP, and the loop would spin.
  if (events == 0) {
    if (watched_) loop_->Unwatch(read_fd_.get());
    watched_ = false;
  } else if (!watched_) {
    loop_->Watch(read_fd_.get(), events, this);
    watched_ = true;
  } else {
    loop_->Modify(read_fd_.get(), events, this);
  }
  if (!write_fd_.valid()) return;
  // EPOLLERR, a pipe without a reader, is reported even without any interest.
  const bool watch = !unread_ && (want_write_ || end_when_unread_);
  const uint32_t write_events = want_write_ ? static_cast<uint32_t>(EPOLLOUT) : 0;
  if (watch && !write_watched_) {
    loop_->Watch(write_fd_.get(), write_events, &write_side_);
  } else if (watch) {
    loop_->Modify(write_fd_.get(), write_events, &write_side_);
  } else if (write_watched_) {
    loop_->Unwatch(write_fd_.get());
  }
  write_watched_ = watch;
}

ssize_t FdStream::Read(char* buffer, size_t capacity) {
  for (;;) {
    const ssize_t count = read(read_fd_.get(), buffer, capacity);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return unread_ ? 0 : -EAGAIN;
    // A reset is how a socket says that its peer was killed.
    if (errno == ECONNRESET || errno == EPIPE || errno == EIO) return 0;
    status_ = Status(Code::kUnavailable, ErrnoText("cannot read", errno));
    return -EPROTO;
  }
}

ssize_t FdStream::Write(const char* bytes, size_t count) {
  for (;;) {
    const ssize_t written = write(write_fd(), bytes, count);
    if (written >= 0) return written;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return -EAGAIN;
    if (status_.ok() && errno != EPIPE && errno != ECONNRESET) {
      status_ = Status(Code::kUnavailable, ErrnoText("cannot write", errno));
    }
    return -EPROTO;
  }
}

void FdStream::WantWrite(bool want) {
  if (want == want_write_) return;
  want_write_ = want;
  UpdateInterest();
}

void FdStream::PauseRead(bool pause) {
  if (pause == paused_) return;
  paused_ = pause;
  UpdateInterest();
}

void FdStream::OnReady(uint32_t events) {
  if (!write_fd_.valid() && want_write_ &&
      (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))) {
    bool destroyed = false;
    destroyed_ = &destroyed;
    listener_->OnWritable();
    if (destroyed) return;
    destroyed_ = nullptr;
  }
  if (!paused_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
    listener_->OnReadable();
  }
}

void FdStream::WriteSide::OnReady(uint32_t events) {
  if ((events & EPOLLERR) && stream_->end_when_unread_) {
    stream_->unread_ = true;
    stream_->UpdateInterest();
    stream_->listener_->OnReadable();
    return;
  }
  stream_->listener_->OnWritable();
}

void FdStream::EndWhenUnread() {
  end_when_unread_ = true;
  if (listener_ != nullptr) UpdateInterest();
}

}  // namespace ramet::core
