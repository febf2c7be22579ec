#ifndef SERVER_SSH_CHOSEN_STREAM_H_
#define SERVER_SSH_CHOSEN_STREAM_H_

#include <functional>
#include <memory>
#include <string>

#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "parent/transport.h"
#include "server/ssh/prompter.h"
#include "server/ssh/ssh_config.h"
#include "server/ssh/ssh_config_query.h"
#include "server/ssh/ssh_failure.h"
#include "server/ssh/ssh_stream.h"

namespace ramet::server {

// How the master opens ssh streams.
struct SshTransportOptions {
  std::string ssh_program = "ssh";  // looked up in PATH
  LocalUser user;
  Prompter* prompter = nullptr;  // null: nobody is asked anything
  // The ssh binary may ask by itself ($SSH_ASKPASS is set).
  bool ssh_may_ask = false;
  // Told what was chosen for a hop, each time; may be null.
  std::function<void(const parent::Hop& hop, const std::string& chosen)>
      on_chosen;
};

// A stream that asks the configuration first, then is one over libssh2 or one
// over the ssh binary: the latter when the request says so, or, with `auto`,
// where libssh2 can't serve. Where a server simply says no, nothing else is
// tried.
//
// Ownership, threads: as ByteStream; borrows `options`.
class ChosenStream final : public core::ByteStream,
                           private core::ByteStream::Listener {
 public:
  ChosenStream(core::EventLoop* loop, const parent::OpenRequest& request,
               const SshTransportOptions* options);
  ~ChosenStream() override;

  // "libssh2", "openssh: why", or empty while it is not known.
  const std::string& chosen() const { return chosen_; }

  void SetListener(core::ByteStream::Listener* listener) override;
  ssize_t Read(char* buffer, size_t capacity) override;
  ssize_t Write(const char* bytes, size_t count) override;
  void WantWrite(bool want) override;
  void PauseRead(bool pause) override;
  core::Status status() const override;
  std::string tail() const override;
  const char* phase() const override;

 private:
  void OnReadable() override;
  void OnWritable() override;
  // Whether the stream was changed: what libssh2 could not do has begun anew.
  bool FallBack();
  void OnConfig(const core::Status& status, const SshConfig& config);
  void UseLibssh2();
  void UseOpenssh(const std::string& why);
  void Adopt(std::unique_ptr<core::ByteStream> stream, std::string chosen);
  void Fail(const core::Status& status);

  core::EventLoop* const loop_;
  parent::OpenRequest request_;
  const SshTransportOptions* const options_;
  core::ByteStream::Listener* listener_ = nullptr;
  bool want_write_ = false;
  bool paused_ = false;
  core::Status failure_;
  core::EventLoop::TimerId fail_timer_ = 0;
  std::string chosen_;
  SshConfig config_;
  std::unique_ptr<SshConfigQuery> query_;
  std::unique_ptr<core::ByteStream> stream_;
  SshStream* libssh2_ = nullptr;  // stream_, when it is one that may be left
};

}  // namespace ramet::server

#endif  // SERVER_SSH_CHOSEN_STREAM_H_
