#ifndef CORE_LOOP_FD_STREAM_H_
#define CORE_LOOP_FD_STREAM_H_

#include "core/base/unique_fd.h"
#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"

namespace ramet::core {

// A ByteStream on one descriptor (a socket) or two (a pair of pipes). Makes
// them non-blocking and closes them in the end.
class FdStream final : public ByteStream, private IoHandler {
 public:
  // `write_fd` may equal `read_fd`: pass it once, the second invalid.
  FdStream(EventLoop* loop, UniqueFd read_fd, UniqueFd write_fd);
  ~FdStream() override;

  // With a pair of pipes: the stream also ends, behind what has arrived, as
  // soon
  // as nobody reads the other one. For who has nothing to do without a reader.
  void EndWhenUnread();

  void SetListener(Listener* listener) override;
  ssize_t Read(char* buffer, size_t capacity) override;
  ssize_t Write(const char* bytes, size_t count) override;
  void WantWrite(bool want) override;
  void PauseRead(bool pause) override;
  Status status() const override { return status_; }
  const char* phase() const override { return "call"; }

 private:
  // The write side of a pair of pipes has a readiness of its own.
  class WriteSide final : public IoHandler {
   public:
    explicit WriteSide(FdStream* stream) : stream_(stream) {}
    void OnReady(uint32_t events) override;

   private:
    FdStream* const stream_;
  };

  void OnReady(uint32_t events) override;
  void UpdateInterest();
  int write_fd() const {
    return write_fd_.valid() ? write_fd_.get() : read_fd_.get();
  }

  EventLoop* const loop_;
  UniqueFd read_fd_;
  UniqueFd write_fd_;
  WriteSide write_side_;
  Listener* listener_ = nullptr;
  bool watched_ = false;
  bool write_watched_ = false;
  bool want_write_ = false;
  bool end_when_unread_ = false;
  bool unread_ = false;
  bool paused_ = false;
  Status status_;
  bool* destroyed_ = nullptr;  // set while a listener may destroy the stream
};

// Sets O_NONBLOCK; both ends of a pair of pipes need it separately.
void SetNonBlocking(int fd);

}  // namespace ramet::core

#endif  // CORE_LOOP_FD_STREAM_H_
