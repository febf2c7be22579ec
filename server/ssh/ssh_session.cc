#include "server/ssh/ssh_session.h"

#include <sys/epoll.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/ssh/method_preferences.h"

namespace ramet::server {

SshSession::SshSession(core::EventLoop* loop, const SshConfig& config,
                       Prompter* prompter, bool has_fallback,
                       parent::ConnectStats* stats, Listener* listener)
    : loop_(loop),
      config_(config),
      prompter_(prompter),
      has_fallback_(has_fallback),
      stats_(stats),
      listener_(listener),
      host_key_check_(config) {
  EnterPhase("resolve");
  TcpConnector::Target target;
  target.host = config.hostname;
  target.port = config.port;
  target.address_family = config.address_family;
  target.timeout_s = config.connect_timeout_s;
  connector_ = std::make_unique<TcpConnector>(
      loop, target, [this](const core::Status& status, core::UniqueFd fd) {
        OnConnected(status, std::move(fd));
      });
  connector_->OnConnectPhase([this] { EnterPhase("connect"); });
}

SshSession::~SshSession() {
  if (socket_ != nullptr) WatchFor(0);
  // It lends the socket out, so it goes first.
  authenticator_.reset();
}

void SshSession::EnterPhase(const char* name) {
  phase_ = name;
  if (stats_ != nullptr) stats_->EnterPhase(name, loop_->NowUs());
}

void SshSession::WatchFor(uint32_t events) {
  if (events == events_) return;
  if (events == 0) {
    loop_->Unwatch(socket_->fd());
  } else if (events_ == 0) {
    loop_->Watch(socket_->fd(), events, this);
  } else {
    loop_->Modify(socket_->fd(), events, this);
  }
  events_ = events;
}

void SshSession::OnConnected(const core::Status& status, core::UniqueFd fd) {
  if (!status.ok()) return Fail({status, ""});
  connector_.reset();
  EnterPhase("key exchange");
  socket_ = std::make_unique<SshSocket>(std::move(fd), stats_);
  const std::string unknown_type = host_key_check_.Unserved();
  if (!unknown_type.empty()) return Fail(Unserved(unknown_type));
  const std::string missing = SetMethodPreferences(
      socket_->session(), config_, host_key_check_.PreferredTypes());
  if (!missing.empty()) {
    return Fail(Unserved("the configured " + missing));
  }
  state_ = State::kKeyExchange;
  Drive();
}

void SshSession::OnReady(uint32_t events) {
  if (state_ == State::kReady) return listener_->OnSocketReady();
  Drive();
}

void SshSession::Drive() {
  if (state_ == State::kKeyExchange) return Handshake();
  if (state_ == State::kAuthentication) return Authenticate();
}

void SshSession::Handshake() {
  const int result =
      libssh2_session_handshake(socket_->session(), socket_->fd());
  if (result == LIBSSH2_ERROR_EAGAIN && !socket_->ended()) {
    return WatchFor(socket_->WantedEvents());
  }
  if (result != 0) return FailHandshake(result);
  CheckHostKey();
}

void SshSession::FailHandshake(int error) {
  const std::string text = socket_->ErrorText();
  // LIBSSH2_ERROR_METHOD_NONE: the lists have nothing in common;
  // KEX_FAILURE is what 1.10 makes of it.
  if (!socket_->ended() && (error == LIBSSH2_ERROR_METHOD_NONE ||
                            error == LIBSSH2_ERROR_KEX_FAILURE)) {
    SshFailure failure = Unserved("what this server asks for");
    failure.status = core::Status(
        core::Code::kFailedPrecondition,
        "no algorithm in common with the server (" + text +
            "): libssh2 has no chacha20, GCM, ETM, rsa-sha2 or post-quantum "
            "key exchange; use --ssh-transport openssh");
    return Fail(failure);
  }
  Fail(Lost("no ssh session: " + text));
}

void SshSession::CheckHostKey() {
  EnterPhase("host key");
  size_t size = 0;
  int type = 0;
  const char* const key =
      libssh2_session_hostkey(socket_->session(), &size, &type);
  const core::Status status = host_key_check_.Check(
      std::string_view(key != nullptr ? key : "", key != nullptr ? size : 0));
  if (!status.ok()) return Fail({status, ""});
  EnterPhase("authentication");
  state_ = State::kAuthentication;
  authenticator_ =
      std::make_unique<Authenticator>(loop_, socket_.get(), config_, prompter_,
                                      has_fallback_, [this] { Drive(); });
  Authenticate();
}

void SshSession::Authenticate() {
  switch (authenticator_->Run()) {
    case Authenticator::Step::kBlocked:
      return WatchFor(socket_->WantedEvents());
    case Authenticator::Step::kWaiting:
      return WatchFor(0);
    case Authenticator::Step::kFailed:
      return Fail(authenticator_->failure());
    case Authenticator::Step::kDone:
      break;
  }
  state_ = State::kReady;
  WatchFor(0);
  listener_->OnSessionReady();
}

void SshSession::Fail(const SshFailure& failure) {
  if (socket_ != nullptr) WatchFor(0);
  const SshFailure copy = failure;
  listener_->OnSessionFailed(copy);
}

}  // namespace ramet::server
