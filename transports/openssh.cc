#include "transports/openssh.h"

#include <errno.h>

#include <utility>

#include "core/base/subprocess.h"
#include "transports/openssh_failure.h"
#include "transports/process_stream.h"

namespace ramet::transports {
namespace {

core::SpawnOptions Command(const parent::OpenRequest& request,
                           const OpensshOptions& options) {
  core::SpawnOptions command;
  command.argv = OpensshArgv(request, options);
  command.die_with_parent = true;
  return command;
}

// A ProcessStream that knows what ssh means.
class OpensshStream final : public core::ByteStream {
 public:
  OpensshStream(core::EventLoop* loop, const parent::OpenRequest& request,
                const OpensshOptions& options)
      : loop_(loop),
        stats_(request.stats),
        process_(loop, "ssh", Command(request, options)) {
    EnterPhase("connect");
  }

  void SetListener(Listener* listener) override {
    process_.SetListener(listener);
  }

  ssize_t Read(char* buffer, size_t capacity) override {
    const bool first = !process_.received();
    const ssize_t count = process_.Read(buffer, capacity);
    if (count > 0) {
      if (first) EnterPhase("first stage");
      if (stats_ != nullptr) {
        if (sent_last_) ++stats_->round_trips;
        stats_->bytes_received += count;
      }
      sent_last_ = false;
    }
    // ssh that ends before its command said anything has failed.
    if (count == 0 && !process_.received()) return -EPROTO;
    return count;
  }

  ssize_t Write(const char* bytes, size_t count) override {
    const ssize_t written = process_.Write(bytes, count);
    if (written > 0) {
      if (stats_ != nullptr) stats_->bytes_sent += written;
      sent_last_ = true;
    }
    return written;
  }

  void WantWrite(bool want) override { process_.WantWrite(want); }
  void PauseRead(bool pause) override { process_.PauseRead(pause); }

  core::Status status() const override {
    const core::Status status = process_.status();
    if (status.ok() || !process_.exited()) return status;
    return Failure().status;
  }

  std::string tail() const override { return process_.tail(); }
  const char* phase() const override {
    if (!process_.status().ok() && process_.exited()) return Failure().phase;
    return process_.received() ? "first stage" : "connect";
  }

 private:
  OpensshFailure Failure() const {
    return ExplainOpenssh(process_.wait_status(), process_.stderr_tail().Text(),
                          process_.received());
  }

  void EnterPhase(const char* name) {
    if (stats_ != nullptr) stats_->EnterPhase(name, loop_->NowUs());
  }

  core::EventLoop* const loop_;
  parent::ConnectStats* const stats_;
  ProcessStream process_;
  bool sent_last_ = false;
};

}  // namespace

std::unique_ptr<core::ByteStream> OpensshTransport::Open(
    core::EventLoop* loop, const parent::OpenRequest& request) {
  return std::make_unique<OpensshStream>(loop, request, options_);
}

}  // namespace ramet::transports
