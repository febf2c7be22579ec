#include "server/ssh/agent_client.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "server/ssh/ssh_wire.h"

namespace ramet::server {
namespace {

// draft-miller-ssh-agent, 5.1
constexpr char kRequestIdentities = 11;
constexpr uint8_t kIdentitiesAnswer = 12;
constexpr char kSignRequest = 13;
constexpr uint8_t kSignResponse = 14;

std::vector<AgentKey> ParseKeys(std::string_view message) {
  SshReader reader(message);
  std::vector<AgentKey> keys;
  if (reader.Byte() != kIdentitiesAnswer) return keys;
  const uint32_t count = reader.Uint32();
  for (uint32_t i = 0; i < count; ++i) {
    AgentKey key;
    key.public_key = std::string(reader.String());
    key.comment = std::string(reader.String());
    if (!reader.ok()) break;
    keys.push_back(std::move(key));
  }
  return keys;
}

std::string ParseSignature(std::string_view message) {
  SshReader reader(message);
  if (reader.Byte() != kSignResponse) return std::string();
  return std::string(reader.String());
}

}  // namespace

AgentClient::~AgentClient() { Close(); }

bool AgentClient::Connect() {
  sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path) return false;
  memcpy(address.sun_path, path_.data(), path_.size());
  socket_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return socket_.valid() &&
         connect(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof address) == 0;
}

void AgentClient::List(KeysCallback done) {
  Request(std::string(1, kRequestIdentities), kListTimeoutUs,
          [done = std::move(done)](std::string_view message) {
            done(ParseKeys(message));
          });
}

void AgentClient::Sign(std::string_view public_key, std::string_view data,
                       SignatureCallback done) {
  std::string message(1, kSignRequest);
  AppendSshString(public_key, &message);
  AppendSshString(data, &message);
  AppendSshUint32(0, &message);  // flags
  // No limit: the agent may be asking its user.
  Request(message, 0, [done = std::move(done)](std::string_view answer) {
    done(ParseSignature(answer));
  });
}

void AgentClient::Request(const std::string& message, int64_t timeout_us,
                          Reply reply) {
  reply_ = std::move(reply);
  out_.clear();
  in_.clear();
  AppendSshString(message, &out_);
  if (!socket_.valid() && !Connect()) {
    Close();
    timer_ = loop_->RunAfter(0, [this] {
      timer_ = 0;
      Answer(std::string_view());
    });
    return;
  }
  if (timeout_us > 0) {
    timer_ = loop_->RunAfter(timeout_us, [this] {
      timer_ = 0;
      Close();
      Answer(std::string_view());
    });
  }
  loop_->Watch(socket_.get(), EPOLLIN | EPOLLOUT, this);
  watched_ = true;
}

void AgentClient::Close() {
  loop_->CancelTimer(timer_);
  timer_ = 0;
  if (watched_) loop_->Unwatch(socket_.get());
  watched_ = false;
  socket_.Reset();
}

// False: the agent is gone, or says nonsense.
bool AgentClient::Exchange() {
  while (!out_.empty()) {
    const ssize_t sent =
        send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return true;
    if (sent < 0) return false;
    out_.erase(0, sent);
    if (out_.empty()) loop_->Modify(socket_.get(), EPOLLIN, this);
  }
  char buffer[4096];
  for (;;) {
    const ssize_t count = recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count < 0 && errno == EAGAIN) return true;
    if (count <= 0) return false;
    in_.append(buffer, count);
    if (in_.size() >= 4 && SshReader(in_).Uint32() > kMaxMessageBytes) {
      return false;
    }
    if (in_.size() > kMaxMessageBytes + 4) return false;
    if (in_.size() >= 4 && in_.size() - 4 >= SshReader(in_).Uint32()) {
      return true;
    }
  }
}

void AgentClient::OnReady(uint32_t events) {
  if (!Exchange()) {
    Close();
    return Answer(std::string_view());
  }
  SshReader reader(in_);
  const std::string message(reader.String());
  if (!reader.ok()) return;
  loop_->Unwatch(socket_.get());
  watched_ = false;
  Answer(message);
}

void AgentClient::Answer(std::string_view message) {
  loop_->CancelTimer(timer_);
  timer_ = 0;
  const Reply reply = std::move(reply_);
  reply_ = nullptr;
  reply(message);
}

}  // namespace ramet::server
