#ifndef SERVER_SSH_AGENT_CLIENT_H_
#define SERVER_SSH_AGENT_CLIENT_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/loop/event_loop.h"

namespace ramet::server {

// A key that an ssh-agent holds.
struct AgentKey {
  std::string public_key;  // wire form
  std::string comment;
};

// Speaks to an ssh-agent over its socket (draft-miller-ssh-agent) without
// blocking: an agent may ask its user before it signs. One request at a time.
//
// An agent that is missing, closes or answers nonsense holds no keys and signs
// nothing; it does no harm beyond that.
//
// Ownership: destroying it forgets the callback. Threads: the loop's.
class AgentClient final : private core::IoHandler {
 public:
  // What an agent may answer; its own limit is 256 KiB.
  static constexpr size_t kMaxMessageBytes = 256 * 1024;
  // How long an agent may take to list its keys (a stopped one never answers).
  static constexpr int64_t kListTimeoutUs = 2'000'000;

  using KeysCallback = std::function<void(std::vector<AgentKey> keys)>;
  // The signature as the agent gives it (format and blob); empty: refused.
  using SignatureCallback = std::function<void(std::string signature)>;

  AgentClient(core::EventLoop* loop, std::string socket_path)
      : loop_(loop), path_(std::move(socket_path)) {}
  ~AgentClient() override;
  AgentClient(const AgentClient&) = delete;
  AgentClient& operator=(const AgentClient&) = delete;

  // The callbacks come from the loop and may destroy the client.
  void List(KeysCallback done);
  void Sign(std::string_view public_key, std::string_view data,
            SignatureCallback done);

 private:
  using Reply = std::function<void(std::string_view message)>;

  bool Connect();
  void Request(const std::string& message, int64_t timeout_us, Reply reply);
  void OnReady(uint32_t events) override;
  bool Exchange();
  void Answer(std::string_view message);
  void Close();

  core::EventLoop* const loop_;
  const std::string path_;
  core::UniqueFd socket_;
  bool watched_ = false;
  std::string out_;
  std::string in_;
  Reply reply_;
  core::EventLoop::TimerId timer_ = 0;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_AGENT_CLIENT_H_
