#include "server/ssh/key_attempt.h"

#include <string.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/ssh/ssh_wire.h"

namespace ramet::server {
namespace {

const unsigned char* Bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

KeyAttempt::KeyAttempt(core::EventLoop* loop, SshSocket* socket,
                       AgentClient* agent, Prompter* prompter, std::string user,
                       const KeyCandidate& key, std::function<void()> wake)
    : loop_(loop),
      socket_(socket),
      agent_(agent),
      prompter_(prompter),
      user_(std::move(user)),
      key_(key),
      wake_(std::move(wake)),
      stage_(Stage::kSign) {
  const IdentityFile& file = key_.file;
  if (!file.public_key.empty()) {
    public_text_ =
        absl::StrCat(file.type, " ", absl::Base64Escape(file.public_key));
  }
  if (file.encrypted && !key_.in_agent) {
    stage_ = public_text_.empty() ? Stage::kAskPassphrase : Stage::kProbe;
  }
}

KeyAttempt::Step KeyAttempt::Run() {
  switch (stage_) {
    case Stage::kProbe:
      return RunProbe();
    case Stage::kAskPassphrase:
      if (pending_ == nullptr) {
        if (prompter_ == nullptr || !prompter_->available()) {
          note_ = "encrypted, and there is nobody to ask for its passphrase";
          return Step::kRefused;
        }
        AskPassphrase();
      }
      return note_.empty() ? Step::kWaiting : Step::kRefused;
    case Stage::kSign:
      return RunSign();
  }
  return Step::kRefused;
}

// Asks the server about the key, and stops where it would be signed with.
KeyAttempt::Step KeyAttempt::RunProbe() {
  void* self = this;
  const int result = libssh2_userauth_publickey(
      socket_->session(), user_.c_str(), Bytes(key_.file.public_key),
      key_.file.public_key.size(), &OnProbed, &self);
  if (!probed_) return Explain(result);
  stage_ = Stage::kAskPassphrase;
  return Run();
}

int KeyAttempt::OnProbed(LIBSSH2_SESSION* session, unsigned char** signature,
                         size_t* signature_size, const unsigned char* data,
                         size_t data_size, void** abstract) {
  static_cast<KeyAttempt*>(*abstract)->probed_ = true;
  return -1;
}

void KeyAttempt::AskPassphrase() {
  Prompter::Question question;
  question.text = "Enter passphrase for key '" + key_.file.path + "': ";
  pending_ = prompter_->Ask(
      loop_, question, [this](bool given, const std::string& answer) {
        if (given) {
          ++passphrases_;
          passphrase_ = answer;
          stage_ = Stage::kSign;
        } else {
          note_ = "encrypted, and nobody gave its passphrase";
        }
        wake_();
      });
}

KeyAttempt::Step KeyAttempt::RunSign() {
  if (key_.in_agent) {
    void* self = this;
    return Explain(libssh2_userauth_publickey(
        socket_->session(), user_.c_str(), Bytes(key_.file.public_key),
        key_.file.public_key.size(), &SignWithAgent, &self));
  }
  return Explain(libssh2_userauth_publickey_frommemory(
      socket_->session(), user_.data(), user_.size(),
      public_text_.empty() ? nullptr : public_text_.data(), public_text_.size(),
      key_.file.private_text.data(), key_.file.private_text.size(),
      passphrase_.empty() ? nullptr : passphrase_.c_str()));
}

// libssh2 repeats the call after EAGAIN, so the agent may take its time.
int KeyAttempt::SignWithAgent(LIBSSH2_SESSION* session,
                              unsigned char** signature, size_t* signature_size,
                              const unsigned char* data, size_t data_size,
                              void** abstract) {
  auto* const self = static_cast<KeyAttempt*>(*abstract);
  if (self->signing_ == Signing::kIdle) {
    self->signing_ = Signing::kAsked;
    self->agent_->Sign(
        self->key_.file.public_key,
        std::string_view(reinterpret_cast<const char*>(data), data_size),
        [self](std::string answer) {
          self->signing_ = Signing::kAnswered;
          self->signature_ = std::move(answer);
          self->wake_();
        });
  }
  if (self->signing_ == Signing::kAsked) return LIBSSH2_ERROR_EAGAIN;
  SshReader reader(self->signature_);
  reader.String();  // the format: libssh2 writes the key's type
  const std::string_view blob = reader.String();
  if (!reader.ok()) {
    self->note_ = "the agent did not sign";
    return -1;
  }
  // libssh2 frees it.
  *signature = static_cast<unsigned char*>(
      self->socket_->memory()->Allocate(blob.size()));
  memcpy(*signature, blob.data(), blob.size());
  *signature_size = blob.size();
  return 0;
}

KeyAttempt::Step KeyAttempt::Explain(int result) {
  if (result == 0) return Step::kAccepted;
  if (result == LIBSSH2_ERROR_EAGAIN) {
    if (socket_->ended()) return Step::kLost;
    return signing_ == Signing::kAsked ? Step::kWaiting : Step::kBlocked;
  }
  if (result == LIBSSH2_ERROR_AUTHENTICATION_FAILED) return Step::kRefused;
  if (socket_->ended() || result == LIBSSH2_ERROR_SOCKET_SEND ||
      result == LIBSSH2_ERROR_SOCKET_RECV ||
      result == LIBSSH2_ERROR_SOCKET_DISCONNECT) {
    return Step::kLost;
  }
  const std::string text = socket_->ErrorText();
  // The server's refusal, rather than a key that could not be opened.
  const bool server_said_no = result == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED &&
                              text.find("allback") == std::string::npos;
  if (server_said_no) return Step::kRefused;
  if (key_.file.encrypted && !key_.in_agent) {
    if (passphrases_ < kMaxPassphrases) {
      stage_ = Stage::kAskPassphrase;
      pending_.reset();
      return Run();
    }
    note_ = "wrong passphrase";
  }
  if (note_.empty()) note_ = text;
  return Step::kRefused;
}

}  // namespace ramet::server
