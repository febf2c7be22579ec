#include "server/ssh/agent_client.h"

#include <gtest/gtest.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

#include "server/ssh/ssh_wire.h"
#include "server/ssh/testing/temp_dir.h"

namespace ramet::server {
namespace {

// Answers each request with what it is told to, in a thread.
class FakeAgent {
 public:
  explicit FakeAgent(std::string answer)
      : path_(dir_.File("agent")),
        listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address),
                   sizeof address),
              0);
    EXPECT_EQ(listen(listener_.get(), 4), 0);
    thread_ = std::thread([this, answer = std::move(answer)] {
      core::UniqueFd client(
          accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      char buffer[65536];
      ssize_t count;
      while ((count = read(client.get(), buffer, sizeof buffer)) > 0) {
        request_.assign(buffer, count);
        if (answer.empty()) break;
        // In two pieces, as a stream may be cut anywhere.
        EXPECT_GT(send(client.get(), answer.data(), 3, MSG_NOSIGNAL), 0);
        send(client.get(), answer.data() + 3, answer.size() - 3, MSG_NOSIGNAL);
      }
    });
  }
  ~FakeAgent() {
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  const std::string& path() const { return path_; }
  const std::string& request() const { return request_; }

 private:
  testing::TempDir dir_;
  const std::string path_;
  core::UniqueFd listener_;
  std::string request_;
  std::thread thread_;
};

std::string Message(const std::string& body) {
  std::string message;
  AppendSshString(body, &message);
  return message;
}

class AgentClientTest : public ::testing::Test {
 protected:
  std::vector<AgentKey> List(const std::string& path) {
    AgentClient client(&loop_, path);
    std::vector<AgentKey> keys;
    bool done = false;
    client.List([&](std::vector<AgentKey> listed) {
      keys = std::move(listed);
      done = true;
    });
    EXPECT_FALSE(done) << "answered from within the call";
    while (!done) loop_.RunOnce(100'000);
    return keys;
  }

  core::EventLoop loop_;
};

std::string TwoKeys() {
  std::string body = "\x0c";
  AppendSshUint32(2, &body);
  for (const char* text : {"key1", "comment1", "key2", "comment2"}) {
    AppendSshString(text, &body);
  }
  return body;
}

TEST_F(AgentClientTest, ListsKeys) {
  FakeAgent agent(Message(TwoKeys()));
  const std::vector<AgentKey> keys = List(agent.path());
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[1].public_key, "key2");
  EXPECT_EQ(keys[1].comment, "comment2");
  EXPECT_EQ(agent.request(), std::string("\0\0\0\1\x0b", 5));
}

TEST_F(AgentClientTest, SignsOverTheSameConnection) {
  std::string body = "\x0e";
  AppendSshString("signature", &body);
  FakeAgent agent(Message(body));
  AgentClient client(&loop_, agent.path());
  for (int i = 0; i < 2; ++i) {
    std::string signature;
    client.Sign("key", "data",
                [&](std::string given) { signature = std::move(given); });
    while (signature.empty()) loop_.RunOnce(100'000);
    EXPECT_EQ(signature, "signature");
  }
}

TEST_F(AgentClientTest, AnAgentThatIsMissingHoldsNoKeys) {
  EXPECT_TRUE(List("/nonexistent/agent").empty());
  EXPECT_TRUE(List("").empty());
  EXPECT_TRUE(List(std::string(200, 'x')).empty());
}

TEST_F(AgentClientTest, AnAgentThatClosesHoldsNoKeys) {
  FakeAgent agent("");
  EXPECT_TRUE(List(agent.path()).empty());
}

TEST_F(AgentClientTest, NonsenseHoldsNoKeys) {
  const std::string keys = TwoKeys();
  for (const std::string& answer :
       {Message("\x05"), Message(""), std::string("\xff\xff\xff\xff garbage"),
        Message(std::string("\x0c\xff\xff\xff\xff", 5))}) {
    FakeAgent agent(answer);
    EXPECT_TRUE(List(agent.path()).empty());
  }
  // Of an answer that is cut off, what is whole counts.
  FakeAgent agent(Message(keys.substr(0, keys.size() - 1)));
  EXPECT_EQ(List(agent.path()).size(), 1u);
}

TEST_F(AgentClientTest, DestructionForgetsTheRequest) {
  FakeAgent agent(Message(TwoKeys()));
  {
    AgentClient client(&loop_, agent.path());
    client.List([](std::vector<AgentKey>) { FAIL(); });
  }
  for (int i = 0; i < 5; ++i) loop_.RunOnce(10'000);
}

}  // namespace
}  // namespace ramet::server
