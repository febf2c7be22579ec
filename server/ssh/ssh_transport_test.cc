#include "server/ssh/ssh_transport.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <string>

#include "server/ssh/testing/relay.h"
#include "server/ssh/testing/transport_fixture.h"

namespace ramet::server {
namespace {

using core::SshOptions;
using testing::Relay;
using testing::StreamUser;
using testing::TestServer;

class SshTransportTest : public testing::TransportFixture {};

std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>(i * 7 + i / 251);
  }
  return bytes;
}

TEST_F(SshTransportTest, RunsACommandAndReportsItsEnd) {
  TestServer server;
  StreamUser user = Open(Request(server, "echo hello; exit 3"));
  ASSERT_TRUE(user.RunUntilEnd());
  EXPECT_EQ(user.received(), "hello\n") << user.status().message();
  EXPECT_TRUE(user.ended());
  EXPECT_EQ(user.status().message(), "remote command exited with status 3");
  EXPECT_EQ(chosen_, "libssh2");
}

TEST_F(SshTransportTest, EchoesTenMebibytes) {
  const std::string bytes = Pattern(10 << 20);
  for (auto kind : {TestServer::Kind::kSshd, TestServer::Kind::kDropbear}) {
    TestServer server(kind);
    StreamUser user = Open(Request(server, "cat"));
    user.Send(bytes);
    ASSERT_TRUE(user.RunUntil([&] {
      return user.received().size() >= bytes.size() || user.failed();
    })) << static_cast<int>(kind)
        << ": " << user.received().size();
    EXPECT_TRUE(user.received() == bytes) << user.status().message();
  }
}

TEST_F(SshTransportTest, EchoesThroughTheSshBinary) {
  TestServer server;
  const std::string bytes = Pattern(10 << 20);
  StreamUser user = Open(Request(server, "cat", SshOptions::kOpenssh));
  user.Send(bytes);
  ASSERT_TRUE(user.RunUntil([&] {
    return user.received().size() >= bytes.size() || user.failed();
  })) << user.received().size();
  EXPECT_TRUE(user.received() == bytes) << user.status().message();
  EXPECT_EQ(chosen_, "openssh: asked for");
}

TEST_F(SshTransportTest, ReadsMoreThanTheWindowAfterAPause) {
  TestServer server;
  const size_t size = 40 << 20;
  StreamUser user =
      Open(Request(server, "head -c " + std::to_string(size) + " /dev/zero"));
  user.stream()->PauseRead(true);
  ASSERT_TRUE(user.RunUntil([&user] { return user.phase() == "first stage"; }));
  for (int i = 0; i < 20; ++i) loop_.RunOnce(10'000);
  EXPECT_EQ(user.received().size(), 0u);
  user.stream()->PauseRead(false);
  ASSERT_TRUE(user.RunUntilEnd());
  EXPECT_EQ(user.received().size(), size);
}

size_t OpenDescriptors() {
  std::filesystem::directory_iterator files("/proc/self/fd");
  return std::distance(begin(files), end(files));
}

TEST_F(SshTransportTest, OrdersTheEndBehindTheDataAndLeavesNoDescriptors) {
  TestServer server;
  size_t before = 0;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Output(Request(server, "head -c 1000000 /dev/zero")).size(),
              1000000u);
    if (i == 0) before = OpenDescriptors();
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(SshTransportTest, KeepsTheLastWordsOfACommandThatIsMissing) {
  TestServer server;
  for (uint32_t transport : {SshOptions::kLibssh2, SshOptions::kOpenssh}) {
    StreamUser user = Open(Request(server, "ramet-no-such-command", transport));
    ASSERT_TRUE(user.RunUntilEnd());
    const std::string text = user.status().message();
    EXPECT_EQ(text.find("remote command exited with status 127: "), 0u) << text;
    EXPECT_NE(text.find("not found"), std::string::npos) << text;
    EXPECT_EQ(user.status().code(), core::Code::kFailedPrecondition);
    EXPECT_EQ(user.phase(), "first stage");
  }
}

TEST_F(SshTransportTest, KeepsOnlyTheTailOfMuchStandardError) {
  TestServer server;
  StreamUser user = Open(Request(
      server,
      "i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done; "
      "echo out"));
  ASSERT_TRUE(user.RunUntilEnd());
  EXPECT_EQ(user.received(), "out\n");
  const std::string text = user.status().message();
  EXPECT_NE(text.find("line 19999"), std::string::npos) << text;
  EXPECT_NE(text.find("line 19990"), std::string::npos) << text;
  EXPECT_EQ(text.find("line 19989"), std::string::npos) << text;
}

TEST_F(SshTransportTest, NamesTheSignalThatKilledTheCommand) {
  TestServer server;
  StreamUser user = Open(Request(server, "kill -9 $$"));
  ASSERT_TRUE(user.RunUntilEnd());
  EXPECT_EQ(user.status().message(), "remote command was killed by SIGKILL");
}

TEST_F(SshTransportTest, WaitsNoLongerThanASecondForTheExitStatus) {
  TestServer server;
  StreamUser user = Open(Request(server, "exec >&- 2>&-; exec sleep 30"));
  const int64_t start = loop_.NowUs();
  ASSERT_TRUE(user.RunUntilEnd());
  EXPECT_LT(loop_.NowUs() - start, 5'000'000);
}

TEST_F(SshTransportTest, EndsTheRemoteCommandWithTheStream) {
  TestServer server;
  StreamUser user = Open(Request(server, "echo $$; cat"));
  ASSERT_TRUE(user.RunUntilReceived("\n"));
  const int64_t start = loop_.NowUs();
  user.Destroy();
  EXPECT_LT(loop_.NowUs() - start, 100'000);
}

TEST_F(SshTransportTest, CountsBytesAndPhases) {
  TestServer server;
  EXPECT_EQ(Output(Request(server, "echo x")), "x\n");
  std::string names;
  for (const auto& phase : stats_.phases)
    names += std::string(phase.name) + ",";
  EXPECT_EQ(names,
            "resolve,connect,key exchange,host key,authentication,channel,"
            "exec,first stage,");
  EXPECT_GT(stats_.bytes_sent, 1000u);
  EXPECT_GT(stats_.bytes_received, 1000u);
}

TEST_F(SshTransportTest, TakesNoMoreRoundTripsThanLibssh2Needs) {
  constexpr int64_t kOneWayUs = 50'000;
  TestServer server;
  Relay::Options options;
  options.server_port = server.port();
  options.delay_us = kOneWayUs;
  Relay relay(options);
  parent::OpenRequest request = Request(server, "cat");
  request.hop.port = relay.port();
  request.ssh.known_hosts = server.KnownHostsFor(relay.port());
  StreamUser user = Open(request);
  user.Send("ping");
  const int64_t start = loop_.NowUs();
  ASSERT_TRUE(user.RunUntilReceived("ping"));
  ASSERT_EQ(user.received(), "ping") << user.status().message();
  const auto trips = [start](int64_t at_us) {
    return static_cast<double>(at_us - start) / (2 * kOneWayUs);
  };
  for (const auto& phase : stats_.phases) {
    printf("[ RTT      ] %-15s begins after %.2f\n", phase.name,
           trips(phase.start_us));
  }
  printf(
      "[ RTT      ] first echo after %.2f; TCP's own round trip is not in "
      "it; %u turns\n",
      trips(loop_.NowUs()), stats_.round_trips);
  // Banner, key exchange 2, service, key's query, key, channel, exec, echo.
  EXPECT_LE(stats_.round_trips, 9u);
}

}  // namespace
}  // namespace ramet::server
