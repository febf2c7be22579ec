#include "stub/frame_writer.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

namespace ramet::stub {
namespace {

// Takes `count` bytes off the front.
void Advance(msghdr* message, size_t count) {
  while (message->msg_iovlen > 0 && count >= message->msg_iov->iov_len) {
    count -= message->msg_iov->iov_len;
    ++message->msg_iov;
    --message->msg_iovlen;
  }
  if (message->msg_iovlen > 0) {
    message->msg_iov->iov_base =
        static_cast<char*>(message->msg_iov->iov_base) + count;
    message->msg_iov->iov_len -= count;
  }
}

iovec PieceOf(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool FrameWriter::Write(core::FrameHeader header, std::string_view payload) {
  char header_bytes[core::kFrameHeaderBytes];
  header.length = static_cast<uint32_t>(payload.size());
  header.Serialize(header_bytes);

  std::unique_lock<std::mutex> lock(mutex_);
  while (writing_ && !broken_) {
    if (waiting_.size() + sizeof header_bytes + payload.size() <=
        kMaxWaitingBytes) {
      waiting_.append(header_bytes, sizeof header_bytes);
      waiting_.append(payload);
      return true;
    }
    ++blocked_;
    written_.wait(lock);
    --blocked_;
  }
  if (broken_) return false;
  writing_ = true;
  lock.unlock();
  iovec pieces[] = {PieceOf({header_bytes, sizeof header_bytes}),
                    PieceOf(payload)};
  bool written = WriteAll(pieces, payload.empty() ? 1 : 2);
  lock.lock();
  while (written && !waiting_.empty()) {
    std::string batch;
    batch.swap(waiting_);
    if (blocked_ > 0) written_.notify_all();
    lock.unlock();
    iovec piece = PieceOf(batch);
    written = WriteAll(&piece, 1);
    lock.lock();
  }
  writing_ = false;
  broken_ = !written;
  if (blocked_ > 0) written_.notify_all();
  return written;
}

bool FrameWriter::WriteAll(iovec* pieces, size_t count) {
  msghdr message = {};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  while (message.msg_iovlen > 0) {
    const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      Advance(&message, sent);
    } else if (errno == EAGAIN) {
      pollfd writable = {fd_, POLLOUT, 0};
      poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace ramet::stub
