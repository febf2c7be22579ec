// Each way a connection can fail, through SshTransport.

#include "server/ssh/ssh_failure.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "server/ssh/testing/relay.h"
#include "server/ssh/testing/transport_fixture.h"

namespace ramet::server {
namespace {

using core::Code;
using core::SshOptions;
using testing::FreePort;
using testing::ReadFile;
using testing::Relay;
using testing::StreamUser;
using testing::TestServer;

constexpr uint32_t kBoth[] = {SshOptions::kLibssh2, SshOptions::kOpenssh};

class SshFailureTest : public testing::TransportFixture {
 protected:
  parent::OpenRequest Through(const Relay& relay, TestServer* server,
                              const std::string& command,
                              uint32_t transport = SshOptions::kLibssh2) {
    parent::OpenRequest request = Request(*server, command, transport);
    request.hop.port = relay.port();
    request.ssh.known_hosts = server->KnownHostsFor(relay.port());
    return request;
  }
};

TEST_F(SshFailureTest, SaysThatAConnectionWasRefused) {
  TestServer server;
  for (uint32_t transport : kBoth) {
    parent::OpenRequest request = Request(server, "true", transport);
    request.hop.port = FreePort();
    ExpectFailure(request, "connect", Code::kUnavailable, "Connection refused");
  }
}

TEST_F(SshFailureTest, SaysThatANameDoesNotResolve) {
  TestServer server;
  for (uint32_t transport : kBoth) {
    parent::OpenRequest request = Request(server, "true", transport);
    request.hop.host = "no-such-host.invalid";
    ExpectFailure(request, "resolve", Code::kUnavailable,
                  "no-such-host.invalid");
  }
}

TEST_F(SshFailureTest, SaysThatThereIsNoSshProgram) {
  TestServer server;
  options_.ssh_program = "ramet-no-such-ssh";
  ExpectFailure(Request(server, "true", SshOptions::kOpenssh), "connect",
                Code::kUnavailable, "ramet-no-such-ssh: not found in PATH");
  EXPECT_EQ(Output(Request(server, "echo libssh2 needs none")),
            "libssh2 needs none\n");
}

TEST_F(SshFailureTest, SaysWhatIsWrongInTheConfiguration) {
  TestServer server;
  parent::OpenRequest request = Request(server, "true");
  request.ssh.config_file = server.dir().Write("bad", "NoSuchKeyword yes\n");
  ExpectFailure(request, "resolve", Code::kFailedPrecondition, "nosuchkeyword");
  request.ssh.config_file = server.dir().File("no-such-file");
  ExpectFailure(request, "resolve", Code::kFailedPrecondition, "no-such-file");
}

TEST_F(SshFailureTest, RefusesAnUnknownHost) {
  TestServer server;
  for (uint32_t transport : kBoth) {
    parent::OpenRequest request = Request(server, "true", transport);
    request.ssh.known_hosts = server.dir().File("missing");
    const std::string text = ExpectFailure(
        request, "host key", Code::kFailedPrecondition, "unknown");
    if (transport == SshOptions::kLibssh2) {
      EXPECT_NE(text.find("ssh-ed25519 SHA256:"), std::string::npos) << text;
      EXPECT_NE(text.find("/missing"), std::string::npos) << text;
    }
  }
  EXPECT_EQ(ReadFile(server.dir().File("missing")), "");
}

TEST_F(SshFailureTest, RefusesAChangedHostKey) {
  TestServer server;
  const std::string known = server.dir().Write(
      "changed", "[127.0.0.1]:" + std::to_string(server.port()) + " " +
                     ReadFile(server.stranger() + ".pub"));
  for (uint32_t transport : kBoth) {
    for (uint32_t mode : {SshOptions::kStrict, SshOptions::kAcceptNew}) {
      parent::OpenRequest request = Request(server, "true", transport);
      request.ssh.known_hosts = known;
      request.ssh.host_key_check = mode;
      ExpectFailure(request, "host key", Code::kFailedPrecondition, "changed");
    }
    parent::OpenRequest request = Request(server, "echo off", transport);
    request.ssh.known_hosts = known;
    request.ssh.host_key_check = SshOptions::kOff;
    EXPECT_EQ(Output(request), "off\n");
  }
}

TEST_F(SshFailureTest, AcceptsANewHostKeyOnce) {
  TestServer server;
  for (uint32_t transport : kBoth) {
    const std::string known =
        server.dir().File("new/" + std::to_string(transport));
    parent::OpenRequest request = Request(server, "echo new", transport);
    request.ssh.known_hosts = known;
    request.ssh.host_key_check = SshOptions::kAcceptNew;
    EXPECT_EQ(Output(request), "new\n");
    const std::string text = ReadFile(known);
    EXPECT_EQ(text.find("[127.0.0.1]:" + std::to_string(server.port())), 0u)
        << text;
    request.ssh.host_key_check = SshOptions::kStrict;
    EXPECT_EQ(Output(request), "new\n");
    EXPECT_EQ(ReadFile(known), text);
  }
}

TEST_F(SshFailureTest, DestroyingTheStreamEndsAWaitForASilentServer) {
  TestServer server;
  Relay relay(Relay::Options{});
  StreamUser user = Open(Through(relay, &server, "true"));
  ASSERT_TRUE(
      user.RunUntil([&user] { return user.phase() == "key exchange"; }));
  for (int i = 0; i < 10; ++i) loop_.RunOnce(10'000);
  EXPECT_FALSE(user.failed());
  user.Destroy();
}

TEST_F(SshFailureTest, SaysThatAServerSpeaksSomethingElse) {
  TestServer server;
  for (const std::string& greeting :
       {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string(),
        std::string("SSH-2.0-x\r\n") + std::string(100000, '\xff')}) {
    for (uint32_t transport :
         {SshOptions::kLibssh2, SshOptions::kOpenssh, SshOptions::kAuto}) {
      Relay::Options options;
      options.greeting = greeting;
      options.close_after_greeting = true;
      Relay relay(options);
      ExpectFailure(Through(relay, &server, "true", transport), "key exchange",
                    Code::kUnavailable, "");
    }
  }
}

TEST_F(SshFailureTest, SaysWhereTheServerClosedAtEachByteCount) {
  TestServer server;
  const std::vector<std::string> order = {"key exchange",   "host key",
                                          "authentication", "channel",
                                          "exec",           "first stage"};
  size_t reached = 0;
  for (int64_t limit = 0; limit < 2800; limit += 97) {
    Relay::Options options;
    options.server_port = server.port();
    options.cut_after = limit;
    Relay relay(options);
    StreamUser user = Open(Through(relay, &server, "echo ready; cat"));
    ASSERT_TRUE(user.RunUntilReceived("ready")) << limit << user.phase();
    if (!user.failed()) break;
    EXPECT_EQ(user.status().code(), Code::kUnavailable)
        << limit << ": " << user.status().message();
    size_t phase = 0;
    while (phase < order.size() && order[phase] != user.phase()) ++phase;
    ASSERT_LT(phase, order.size()) << user.phase();
    EXPECT_GE(phase, reached) << limit << ": " << user.phase();
    reached = phase;
  }
  EXPECT_GE(reached, 3u);
}

TEST_F(SshFailureTest, SaysThatAnEstablishedConnectionWasLost) {
  TestServer server;
  Relay::Options options;
  options.server_port = server.port();
  options.cut_after = 100'000;
  for (uint32_t transport : kBoth) {
    Relay relay(options);
    StreamUser user = Open(Through(relay, &server, "cat /dev/zero", transport));
    ASSERT_TRUE(user.RunUntilEnd());
    EXPECT_GT(user.received().size(), 50'000u);
    EXPECT_EQ(user.status().code(), Code::kUnavailable);
    EXPECT_NE(user.status().message(), "");
  }
}

TEST_F(SshFailureTest, HonoursAliasPortUserAndProxyOfTheConfiguration) {
  TestServer server;
  TestServer bastion;
  const auto host = [](const std::string& alias, const TestServer& server) {
    return "Host " + alias + "\n  HostName 127.0.0.1\n  Port " +
           std::to_string(server.port()) + "\n  IdentityFile " +
           server.identity() + "\n  UserKnownHostsFile " +
           server.known_hosts() + "\n";
  };
  parent::OpenRequest request = Request(server, "echo web");
  request.hop.host = "web";
  request.hop.port = 0;
  request.ssh.identity_files.clear();
  request.ssh.known_hosts.clear();
  request.ssh.config_file = server.dir().Write("alias", host("web", server));
  EXPECT_EQ(Output(request), "web\n");

  request.ssh.config_file =
      server.dir().Write("jump", host("web", server) + "  ProxyJump bastion\n" +
                                     host("bastion", bastion));
  ExpectFailure(request, "resolve", Code::kFailedPrecondition, "ProxyJump");
  request.ssh.transport = SshOptions::kAuto;
  EXPECT_EQ(Output(request), "web\n");
  EXPECT_EQ(chosen_, "openssh: ProxyJump");
}

}  // namespace
}  // namespace ramet::server
