#include "server/ssh/chosen_stream.h"

#include <errno.h>

#include <utility>

#include "transports/openssh.h"

namespace ramet::server {

ChosenStream::ChosenStream(core::EventLoop* loop,
                           const parent::OpenRequest& request,
                           const SshTransportOptions* options)
    : loop_(loop), request_(request), options_(options) {
  query_ = std::make_unique<SshConfigQuery>(
      loop, options->ssh_program, request, options->user,
      [this](const core::Status& status, const SshConfig& config) {
        OnConfig(status, config);
      });
}

ChosenStream::~ChosenStream() { loop_->CancelTimer(fail_timer_); }

void ChosenStream::OnConfig(const core::Status& status,
                            const SshConfig& config) {
  query_.reset();
  if (!status.ok()) return Fail(status);
  config_ = config;
  // ssh_config decides where the command line left the default; ssh is told.
  request_.ssh.host_key_check = config.host_key_check;
  const bool has_choice = request_.ssh.transport == core::SshOptions::kAuto;
  if (request_.ssh.transport == core::SshOptions::kOpenssh) {
    return UseOpenssh("asked for");
  }
  if (config.unserved_keyword.empty()) return UseLibssh2();
  if (has_choice) return UseOpenssh(config.unserved_keyword);
  Fail(Unserved(config.unserved_keyword).status);
}

void ChosenStream::UseLibssh2() {
  auto stream = std::make_unique<SshStream>(
      loop_, config_, request_, options_->prompter,
      request_.ssh.transport == core::SshOptions::kAuto);
  SshStream* const libssh2 = stream.get();
  Adopt(std::move(stream), "libssh2");
  libssh2_ = libssh2;
}

void ChosenStream::UseOpenssh(const std::string& why) {
  transports::OpensshOptions options;
  options.program = options_->ssh_program;
  options.files_are_ours = true;
  options.may_ask = options_->ssh_may_ask;
  transports::OpensshTransport transport(options);
  Adopt(transport.Open(loop_, request_), "openssh: " + why);
}

void ChosenStream::Adopt(std::unique_ptr<core::ByteStream> stream,
                         std::string chosen) {
  libssh2_ = nullptr;
  stream_ = std::move(stream);
  chosen_ = std::move(chosen);
  stream_->SetListener(this);
  if (paused_) stream_->PauseRead(true);
  if (want_write_) stream_->WantWrite(true);
  if (options_->on_chosen) options_->on_chosen(request_.hop, chosen_);
}

void ChosenStream::Fail(const core::Status& status) {
  failure_ = status;
  fail_timer_ = loop_->RunAfter(0, [this] {
    fail_timer_ = 0;
    OnReadable();
  });
}

void ChosenStream::SetListener(core::ByteStream::Listener* listener) {
  listener_ = listener;
}

bool ChosenStream::FallBack() {
  if (libssh2_ == nullptr ||
      request_.ssh.transport != core::SshOptions::kAuto ||
      libssh2_->failure().unserved.empty()) {
    return false;
  }
  UseOpenssh(std::string(libssh2_->failure().unserved));
  return true;
}

void ChosenStream::OnReadable() {
  if (FallBack()) return;
  if (listener_ != nullptr) listener_->OnReadable();
}

void ChosenStream::OnWritable() {
  if (FallBack()) return;
  if (listener_ != nullptr) listener_->OnWritable();
}

ssize_t ChosenStream::Read(char* buffer, size_t capacity) {
  if (!failure_.ok()) return -EPROTO;
  if (stream_ == nullptr) return -EAGAIN;
  const ssize_t count = stream_->Read(buffer, capacity);
  return count == -EPROTO && FallBack() ? -EAGAIN : count;
}

ssize_t ChosenStream::Write(const char* bytes, size_t count) {
  if (!failure_.ok()) return -EPROTO;
  if (stream_ == nullptr) return -EAGAIN;
  const ssize_t written = stream_->Write(bytes, count);
  return written == -EPROTO && FallBack() ? -EAGAIN : written;
}

void ChosenStream::WantWrite(bool want) {
  want_write_ = want;
  if (stream_ != nullptr) stream_->WantWrite(want);
}

void ChosenStream::PauseRead(bool pause) {
  paused_ = pause;
  if (stream_ != nullptr) stream_->PauseRead(pause);
}

core::Status ChosenStream::status() const {
  if (!failure_.ok() || stream_ == nullptr) return failure_;
  return stream_->status();
}

std::string ChosenStream::tail() const {
  return stream_ != nullptr ? stream_->tail() : std::string();
}

const char* ChosenStream::phase() const {
  return stream_ != nullptr ? stream_->phase() : "resolve";
}

}  // namespace ramet::server
