#include "server/ssh/authenticator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace ramet::server {
namespace {

constexpr char kPublickey[] = "publickey";
constexpr char kKeyboardInteractive[] = "keyboard-interactive";
constexpr char kPassword[] = "password";

bool IsLost(int result) {
  return result == LIBSSH2_ERROR_SOCKET_SEND ||
         result == LIBSSH2_ERROR_SOCKET_RECV ||
         result == LIBSSH2_ERROR_SOCKET_DISCONNECT;
}

}  // namespace

Authenticator::Authenticator(core::EventLoop* loop, SshSocket* socket,
                             const SshConfig& config, Prompter* prompter,
                             bool has_fallback, std::function<void()> wake)
    : loop_(loop),
      socket_(socket),
      config_(config),
      prompter_(config.batch_mode ? nullptr : prompter),
      has_fallback_(has_fallback),
      wake_(std::move(wake)) {}

Authenticator::~Authenticator() = default;

bool Authenticator::Offers(const std::string& method) const {
  return std::find(methods_.begin(), methods_.end(), method) != methods_.end();
}

bool Authenticator::CanAsk() const {
  return prompter_ != nullptr && prompter_->available();
}

Authenticator::Step Authenticator::Run() {
  Step step = Step::kWaiting;
  if (accepted_) return Step::kDone;
  for (;;) {
    switch (state_) {
      case State::kListKeys:
        if (!config_.publickey || config_.identity_agent.empty()) {
          OnAgentKeys({});
          continue;
        }
        if (!asked_agent_) {
          asked_agent_ = true;
          agent_ = std::make_unique<AgentClient>(loop_, config_.identity_agent);
          agent_->List([this](std::vector<AgentKey> keys) {
            OnAgentKeys(std::move(keys));
            wake_();
          });
        }
        return Step::kWaiting;
      case State::kChoose:
        if (Choose(&step)) continue;
        return step;
      case State::kKey:
        if (RunKey(&step)) continue;
        return step;
      case State::kListMethods:
        if (ListMethods(&step)) continue;
        return step;
      case State::kAsk:
        return Step::kWaiting;
      case State::kPassword:
        if (TryPassword(&step)) continue;
        return step;
    }
  }
}

void Authenticator::OnAgentKeys(std::vector<AgentKey> keys) {
  if (config_.publickey) {
    const char* const version = libssh2_session_banner_get(socket_->session());
    candidates_ = CollectKeys(config_, keys, version != nullptr ? version : "");
    notes_ = candidates_.notes;
  }
  state_ = State::kChoose;
}

bool Authenticator::Choose(Step* step) {
  const bool has_key = next_key_ < candidates_.keys.size();
  if (!methods_known_ && !has_key) {
    state_ = State::kListMethods;
    return true;
  }
  if (has_key && (!methods_known_ || Offers(kPublickey))) {
    key_attempt_ = std::make_unique<KeyAttempt>(
        loop_, socket_, agent_.get(), prompter_, config_.user,
        candidates_.keys[next_key_], wake_);
    state_ = State::kKey;
    return true;
  }
  if (has_fallback_ && Offers(kPublickey) && !candidates_.unserved.empty()) {
    *step = FailRefused();
    return false;
  }
  if (Offers(kKeyboardInteractive) && config_.keyboard_interactive &&
      CanAsk() && keyboard_tries_ < config_.password_prompts) {
    StartKeyboardInteractive();
    *step = Step::kWaiting;
    return false;
  }
  if (Offers(kPassword) && config_.password && CanAsk() &&
      password_tries_ < config_.password_prompts) {
    AskPassword();
    *step = Step::kWaiting;
    return false;
  }
  *step = FailRefused();
  return false;
}

bool Authenticator::RunKey(Step* step) {
  const KeyCandidate& key = candidates_.keys[next_key_];
  switch (key_attempt_->Run()) {
    case KeyAttempt::Step::kBlocked:
      *step = Step::kBlocked;
      return false;
    case KeyAttempt::Step::kWaiting:
      *step = Step::kWaiting;
      return false;
    case KeyAttempt::Step::kAccepted:
      *step = Step::kDone;
      return false;
    case KeyAttempt::Step::kLost:
      refused_keys_.push_back(key.Describe());
      *step = FailLost();
      return false;
    case KeyAttempt::Step::kRefused:
      break;
  }
  if (key_attempt_->note().empty()) {
    refused_keys_.push_back(key.Describe());
  } else {
    notes_.push_back(key.Describe() + ": " + key_attempt_->note());
  }
  key_attempt_.reset();
  ++next_key_;
  // What is offered may have changed: the key may have been the first of two
  // methods that the server wants.
  state_ = methods_known_ && next_key_ < candidates_.keys.size()
               ? State::kChoose
               : State::kListMethods;
  return true;
}

bool Authenticator::ListMethods(Step* step) {
  const char* const list =
      libssh2_userauth_list(socket_->session(), config_.user.data(),
                            static_cast<unsigned>(config_.user.size()));
  if (list == nullptr) {
    if (libssh2_userauth_authenticated(socket_->session())) {
      *step = Step::kDone;
      return false;
    }
    if (libssh2_session_last_errno(socket_->session()) ==
            LIBSSH2_ERROR_EAGAIN &&
        !socket_->ended()) {
      *step = Step::kBlocked;
      return false;
    }
    *step = FailLost();
    return false;
  }
  methods_ = absl::StrSplit(list, ',', absl::SkipEmpty());
  methods_known_ = true;
  state_ = State::kChoose;
  return true;
}

void Authenticator::StartKeyboardInteractive() {
  state_ = State::kAsk;
  keyboard_interactive_ = std::make_unique<KeyboardInteractive>(
      loop_, socket_, config_.user, config_.user + "@" + config_.original_host,
      prompter_, [this](int result, bool declined) {
        keyboard_interactive_.reset();
        keyboard_tries_ =
            declined ? config_.password_prompts : keyboard_tries_ + 1;
        accepted_ = result == 0;
        state_ = State::kListMethods;
        wake_();
      });
}

void Authenticator::AskPassword() {
  state_ = State::kAsk;
  Prompter::Question question;
  question.text =
      absl::StrCat(config_.user, "@", config_.original_host, "'s password: ");
  pending_ = prompter_->Ask(loop_, question,
                            [this](bool given, const std::string& answer) {
                              ++password_tries_;
                              if (given) {
                                password_ = answer;
                                state_ = State::kPassword;
                              } else {
                                password_tries_ = config_.password_prompts;
                                state_ = State::kChoose;
                              }
                              wake_();
                            });
}

bool Authenticator::TryPassword(Step* step) {
  const int result = libssh2_userauth_password_ex(
      socket_->session(), config_.user.data(),
      static_cast<unsigned>(config_.user.size()), password_.data(),
      static_cast<unsigned>(password_.size()), nullptr);
  if (result == LIBSSH2_ERROR_EAGAIN && !socket_->ended()) {
    *step = Step::kBlocked;
    return false;
  }
  password_.clear();
  if (result == 0) {
    *step = Step::kDone;
    return false;
  }
  if (socket_->ended() || IsLost(result)) {
    *step = FailLost();
    return false;
  }
  state_ = State::kListMethods;
  return true;
}

Authenticator::Step Authenticator::FailLost() {
  // A server that has had enough of our keys says so and hangs up.
  const std::string& said = socket_->disconnect_text();
  if (absl::StrContains(said, "authentication")) {
    notes_.push_back("the server gave up: " + said);
    return FailRefused();
  }
  if (!socket_->ended()) {
    // The server is still there: it is libssh2 that can't go on, for example
    // behind a banner of more than its largest packet.
    failure_ =
        Unserved("what this server sends (" + socket_->ErrorText() + ")");
    return Step::kFailed;
  }
  failure_ = Lost("connection lost: " + socket_->ErrorText());
  return Step::kFailed;
}

Authenticator::Step Authenticator::FailRefused() {
  std::string text = "authentication failed for " + config_.user;
  if (methods_known_) {
    absl::StrAppend(
        &text, ": the server offers ",
        methods_.empty() ? "nothing more" : absl::StrJoin(methods_, ", "));
  }
  absl::StrAppend(&text, "; refused: ",
                  refused_keys_.empty() ? "no key was tried"
                                        : absl::StrJoin(refused_keys_, ", "));
  if (!CanAsk() && (Offers(kPassword) || Offers(kKeyboardInteractive))) {
    notes_.push_back("nobody to ask for a password");
  } else if (keyboard_tries_ + password_tries_ > 0) {
    notes_.push_back("the password was refused or not given");
  }
  if (!notes_.empty()) {
    absl::StrAppend(&text, "; ", absl::StrJoin(notes_, "; "));
  }
  failure_.unserved = candidates_.unserved;
  core::Code code = core::Code::kUnauthenticated;
  if (!failure_.unserved.empty()) {
    absl::StrAppend(&text, "; libssh2 does not serve ", failure_.unserved,
                    ": use --ssh-transport openssh");
    if (candidates_.keys.empty()) code = core::Code::kFailedPrecondition;
  }
  failure_.status = core::Status(code, std::move(text));
  return Step::kFailed;
}

}  // namespace ramet::server
