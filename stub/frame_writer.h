#ifndef STUB_FRAME_WRITER_H_
#define STUB_FRAME_WRITER_H_

#include <stddef.h>
#include <sys/uio.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "core/wire/frame_header.h"

namespace ramet::stub {

// Writes whole frames to a module's link, from any thread: frames of several
// calls come in any order, but never one inside another, and those of one
// thread in its order.
//
// One thread at a time is in the system call. Whoever comes meanwhile leaves
// its frames behind for that thread to write, and goes on; only above
// kMaxWaitingBytes it blocks. So threads that answer small calls at the same
// time don't queue up behind each other, and their answers share a write.
//
// The thread that reads the link must not block at all: it uses ForceQueue().
//
// Borrows the descriptor, a socket.
class FrameWriter {
 public:
  // As much as a socketpair holds.
  static constexpr size_t kMaxWaitingBytes = 208 * 1024;

  // `on_stalled` runs, under the writer's lock, when the peer has no room for
  // what ForceQueue() or OnWritable() wanted to write, and no other thread
  // will write it: OnWritable() must be called when the socket takes more.
  explicit FrameWriter(int fd, std::function<void()> on_stalled = nullptr)
      : fd_(fd), on_stalled_(std::move(on_stalled)) {}

  // Whole frames. Blocks while the peer doesn't read. False: the peer is gone.
  bool Write(std::string_view frames);
  // One frame; sets the header's length.
  bool Write(core::FrameHeader header, std::string_view payload);

  // Never blocks: what the peer has no room for is kept, however much it is
  // (waiting_bytes()).
  void ForceQueue(std::string_view frames);
  void OnWritable();

  // Kept for a later write.
  size_t waiting_bytes();
  // Blocks until everything is out, or the peer is gone.
  void Drain();

 private:
  // Blocks until the kernel has all of it.
  bool WriteAll(iovec* pieces, size_t count);
  // Under the lock, as much as the kernel takes without blocking: how much that
  // was. A peer that is gone takes everything.
  size_t WriteSome(std::string_view bytes);

  const int fd_;
  const std::function<void()> on_stalled_;

  std::mutex mutex_;  // for everything below
  std::condition_variable written_;
  bool writing_ = false;  // a thread is in WriteAll
  bool broken_ = false;   // the peer is gone
  // Frames that came meanwhile; the first may be there in part.
  std::string waiting_;
  int blocked_ = 0;  // threads that wait for written_
};

// Appends one frame; sets the header's length.
void AppendFrame(core::FrameHeader header, std::string_view payload,
                 std::string* frames);

}  // namespace ramet::stub

#endif  // STUB_FRAME_WRITER_H_
