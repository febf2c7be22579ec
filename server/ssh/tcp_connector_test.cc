#include "server/ssh/tcp_connector.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <memory>
#include <string>

#include "server/ssh/testing/test_server.h"

namespace ramet::server {
namespace {

class TcpConnectorTest : public ::testing::Test {
 protected:
  TcpConnectorTest() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(
        bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_.get(), 4), 0);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }

  void Connect(const std::string& host, uint16_t port) {
    TcpConnector::Target target;
    target.host = host;
    target.port = port;
    connector_ = std::make_unique<TcpConnector>(
        &loop_, target,
        [this](const core::Status& status, core::UniqueFd socket) {
          done_ = true;
          phase_ = connector_->phase();
          status_ = status;
          socket_ = std::move(socket);
          connector_.reset();
        });
    EXPECT_FALSE(done_);
    const int64_t limit = loop_.NowUs() + 20'000'000;
    while (!done_ && loop_.NowUs() < limit) loop_.RunOnce(50'000);
    EXPECT_TRUE(done_);
  }

  core::EventLoop loop_;
  core::UniqueFd listener_;
  uint16_t port_ = 0;
  std::unique_ptr<TcpConnector> connector_;
  bool done_ = false;
  std::string phase_;
  core::Status status_;
  core::UniqueFd socket_;
};

TEST_F(TcpConnectorTest, ConnectsToAnAddress) {
  Connect("127.0.0.1", port_);
  EXPECT_TRUE(status_.ok()) << status_.message();
  int value = 0;
  socklen_t size = sizeof value;
  getsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size);
  EXPECT_EQ(value, 1);
}

// localhost may have ::1 first, where nobody listens.
TEST_F(TcpConnectorTest, TriesTheAddressesOfANameInTurn) {
  Connect("localhost", port_);
  EXPECT_TRUE(status_.ok()) << status_.message();
}

TEST_F(TcpConnectorTest, NamesAddressAndReason) {
  const uint16_t port = testing::FreePort();
  Connect("127.0.0.1", port);
  EXPECT_EQ(status_.code(), core::Code::kUnavailable);
  EXPECT_EQ(status_.message(), "cannot connect to 127.0.0.1 port " +
                                   std::to_string(port) +
                                   ": Connection refused");
  EXPECT_EQ(phase_, "connect");
}

TEST_F(TcpConnectorTest, SaysThatANameDoesNotResolve) {
  Connect("no-such-host.invalid", port_);
  EXPECT_EQ(status_.code(), core::Code::kUnavailable);
  EXPECT_EQ(status_.message().find("cannot resolve no-such-host.invalid: "), 0u)
      << status_.message();
  EXPECT_EQ(phase_, "resolve");
}

TEST_F(TcpConnectorTest, DestructionForgetsALookup) {
  for (int i = 0; i < 20; ++i) {
    TcpConnector::Target target;
    target.host = "localhost";
    target.port = port_;
    TcpConnector connector(&loop_, target,
                           [](const core::Status&, core::UniqueFd) { FAIL(); });
  }
  for (int i = 0; i < 5; ++i) loop_.RunOnce(10'000);
}

}  // namespace
}  // namespace ramet::server
