#ifndef STUB_FRAME_WRITER_H_
#define STUB_FRAME_WRITER_H_

#include <stddef.h>
#include <sys/uio.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

#include "core/wire/frame_header.h"

namespace ramet::stub {

// Writes whole frames to a module's link, from any thread: frames of several
// calls come in any order, but never one inside another, and those of one
// thread in its order.
//
// One thread at a time is in the system call. Whoever comes meanwhile leaves
// its frame behind for that thread to write, and goes on; only above
// kMaxWaitingBytes it blocks. So threads that answer small calls at the same
// time don't queue up behind each other, and their answers share a write.
//
// Borrows the descriptor, a socket.
class FrameWriter {
 public:
  // As much as a socketpair holds.
  static constexpr size_t kMaxWaitingBytes = 208 * 1024;

  explicit FrameWriter(int fd) : fd_(fd) {}

  // Sets the header's length. Blocks while the peer doesn't read. False: the
  // peer is gone.
  bool Write(core::FrameHeader header, std::string_view payload);

 private:
  // Blocks until the kernel has all of it.
  bool WriteAll(iovec* pieces, size_t count);

  const int fd_;

  std::mutex mutex_;  // for everything below
  std::condition_variable written_;
  bool writing_ = false;  // a thread is in WriteAll
  bool broken_ = false;   // the peer is gone
  std::string waiting_;   // frames that came meanwhile
  int blocked_ = 0;       // threads that wait for written_
};

}  // namespace ramet::stub

#endif  // STUB_FRAME_WRITER_H_
