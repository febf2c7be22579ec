#ifndef SERVER_SSH_TESTING_STREAM_USER_H_
#define SERVER_SSH_TESTING_STREAM_USER_H_

#include <errno.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"

namespace ramet::server::testing {

// Sends what it is given, keeps what arrives, notices the end.
class StreamUser final : public core::ByteStream::Listener {
 public:
  StreamUser(core::EventLoop* loop, std::unique_ptr<core::ByteStream> stream)
      : loop_(loop), stream_(std::move(stream)) {
    stream_->SetListener(this);
  }

  void Send(std::string bytes) {
    to_send_ += bytes;
    stream_->WantWrite(true);
  }

  // Turns the loop until `done`; false after 20 s, far above what anything
  // here takes.
  bool RunUntil(const std::function<bool()>& done) {
    const int64_t limit = loop_->NowUs() + 20'000'000;
    while (!done()) {
      if (loop_->NowUs() > limit) return false;
      loop_->RunOnce(100'000);
    }
    return true;
  }
  bool RunUntilEnd() {
    return RunUntil([this] { return ended_ || failed_; });
  }
  bool RunUntilReceived(const std::string& text) {
    return RunUntil([this, &text] {
      return ended_ || failed_ || received_.find(text) != std::string::npos;
    });
  }

  const std::string& received() const { return received_; }
  bool ended() const { return ended_; }    // Read said 0
  bool failed() const { return failed_; }  // Read said -EPROTO
  core::ByteStream* stream() { return stream_.get(); }
  core::Status status() const { return stream_->status(); }
  std::string phase() const { return stream_->phase(); }
  void Destroy() { stream_.reset(); }

 private:
  void OnReadable() override {
    char buffer[65536];
    for (;;) {
      const ssize_t count = stream_->Read(buffer, sizeof buffer);
      if (count == -EAGAIN) return;
      ended_ = ended_ || count == 0;
      failed_ = failed_ || count < 0;
      if (count <= 0) return stream_->WantWrite(false);
      received_.append(buffer, count);
    }
  }

  void OnWritable() override {
    while (sent_ < to_send_.size()) {
      const ssize_t count =
          stream_->Write(to_send_.data() + sent_, to_send_.size() - sent_);
      if (count < 0) {
        if (count != -EAGAIN) stream_->WantWrite(false);
        return;
      }
      sent_ += count;
    }
    stream_->WantWrite(false);
  }

  core::EventLoop* const loop_;
  std::unique_ptr<core::ByteStream> stream_;
  std::string to_send_;
  size_t sent_ = 0;
  std::string received_;
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace ramet::server::testing

#endif  // SERVER_SSH_TESTING_STREAM_USER_H_
