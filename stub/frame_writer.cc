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

void AppendFrame(core::FrameHeader header, std::string_view payload,
                 std::string* frames) {
  char header_bytes[core::kFrameHeaderBytes];
  header.length = static_cast<uint32_t>(payload.size());
  header.Serialize(header_bytes);
  frames->reserve(frames->size() + sizeof header_bytes + payload.size());
  frames->append(header_bytes, sizeof header_bytes);
  frames->append(payload);
}

bool FrameWriter::Write(core::FrameHeader header, std::string_view payload) {
  std::string frame;
  AppendFrame(header, payload, &frame);
  return Write(frame);
}

bool FrameWriter::Write(std::string_view frames) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (writing_ && !broken_) {
    if (waiting_.size() + frames.size() <= kMaxWaitingBytes) {
      waiting_.append(frames);
      return true;
    }
    ++blocked_;
    written_.wait(lock);
    --blocked_;
  }
  if (broken_) return false;
  writing_ = true;
  bool written = true;
  // What ForceQueue() left behind goes first.
  do {
    std::string batch;
    batch.swap(waiting_);
    if (blocked_ > 0) written_.notify_all();
    lock.unlock();
    iovec pieces[] = {PieceOf(batch), PieceOf(frames)};
    written = batch.empty() ? WriteAll(pieces + 1, 1) : WriteAll(pieces, 2);
    frames = {};
    lock.lock();
  } while (written && !waiting_.empty());
  writing_ = false;
  broken_ = !written;
  if (blocked_ > 0) written_.notify_all();
  return written;
}

void FrameWriter::ForceQueue(std::string_view frames) {
  std::lock_guard<std::mutex> lock(mutex_);
  // Somebody is at it, or waits to be.
  if (writing_ || !waiting_.empty()) {
    waiting_.append(frames);
    return;
  }
  frames.remove_prefix(WriteSome(frames));
  if (frames.empty()) return;
  waiting_.append(frames);
  if (on_stalled_) on_stalled_();
}

void FrameWriter::OnWritable() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (writing_ || waiting_.empty()) return;
  waiting_.erase(0, WriteSome(waiting_));
  if (!waiting_.empty() && on_stalled_) on_stalled_();
}

size_t FrameWriter::waiting_bytes() {
  std::lock_guard<std::mutex> lock(mutex_);
  return waiting_.size();
}

void FrameWriter::Drain() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (writing_ && !broken_) {
    ++blocked_;
    written_.wait(lock);
    --blocked_;
  }
  if (broken_ || waiting_.empty()) return;
  iovec piece = PieceOf(waiting_);
  broken_ = !WriteAll(&piece, 1);
  waiting_.clear();
}

size_t FrameWriter::WriteSome(std::string_view bytes) {
  size_t written = 0;
  while (!broken_ && written < bytes.size()) {
    const ssize_t sent =
        send(fd_, bytes.data() + written, bytes.size() - written,
             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      written += sent;
    } else if (errno == EAGAIN) {
      return written;
    } else if (errno != EINTR) {
      broken_ = true;
    }
  }
  return bytes.size();
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
