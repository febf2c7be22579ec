#ifndef SERVER_SSH_SEND_BUFFER_H_
#define SERVER_SSH_SEND_BUFFER_H_

#include <string.h>

#include <algorithm>
#include <memory>

namespace ramet::server {

// Bytes on their way into libssh2, at addresses that stay the same until they
// are taken: a call that said EAGAIN has to be repeated with the same buffer.
class SendBuffer {
 public:
  // Eight of libssh2's largest packets.
  static constexpr size_t kCapacityBytes = 256 * 1024;

  bool empty() const { return begin_ == end_; }
  bool full() const { return end_ == kCapacityBytes; }
  const char* data() const { return bytes_.get() + begin_; }
  size_t size() const { return end_ - begin_; }

  // Takes what fits: returns how many bytes that is.
  size_t Append(const char* bytes, size_t count) {
    if (bytes_ == nullptr) bytes_ = std::make_unique<char[]>(kCapacityBytes);
    const size_t taken = std::min(count, kCapacityBytes - end_);
    memcpy(bytes_.get() + end_, bytes, taken);
    end_ += taken;
    return taken;
  }

  void Consume(size_t count) {
    begin_ += count;
    if (empty()) begin_ = end_ = 0;
  }

  // Moves the bytes to the front; only while no call waits to be repeated.
  void Compact() {
    if (begin_ == 0) return;
    memmove(bytes_.get(), bytes_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_SEND_BUFFER_H_
