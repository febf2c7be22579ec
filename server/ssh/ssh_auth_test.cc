// Ways into a server, and being refused, through SshTransport.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "core/base/subprocess.h"
#include "core/base/unique_fd.h"
#include "server/ssh/testing/transport_fixture.h"

// libssh2 1.10 loses a number (56 bytes) whenever it reads an ECDSA key in
// OpenSSH's format; the numbers are OpenSSL's.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libcrypto.so";
}

namespace ramet::server {
namespace {

using core::Code;
using core::SshOptions;
using testing::kPassword;
using testing::RunProgram;
using testing::StreamUser;
using testing::TestServer;

class SshAuthTest : public testing::TransportFixture {
 protected:
  parent::OpenRequest With(const TestServer& server,
                           const std::string& identity,
                           uint32_t transport = SshOptions::kLibssh2) {
    parent::OpenRequest request = Request(server, "echo in", transport);
    request.ssh.config_file =
        server.dir().Write("no_defaults", "Host *\n  IdentityFile none\n");
    request.ssh.identity_files.clear();
    if (!identity.empty()) request.ssh.identity_files = {identity};
    return request;
  }
};

// A real ssh-agent that ends with this object.
class Agent {
 public:
  explicit Agent(const TestServer& server)
      : socket_(server.dir().File("agent.sock")) {
    core::SpawnOptions options;
    options.argv = {"ssh-agent", "-D", "-a", socket_};
    int output[2];
    EXPECT_EQ(pipe2(output, O_CLOEXEC), 0);
    output_.Reset(output[0]);
    const core::UniqueFd theirs(output[1]);
    options.fds = {-1, theirs.get(), 2};
    EXPECT_TRUE(core::Spawn(options, &pid_).ok());
    // It listens before it prints its address.
    char byte;
    EXPECT_EQ(read(output_.get(), &byte, 1), 1);
  }
  ~Agent() { core::KillGroupAndReap(pid_); }

  void Add(const std::string& key) {
    RunProgram({"env", "SSH_AUTH_SOCK=" + socket_, "ssh-add", "-q", key});
  }
  const std::string& socket() const { return socket_; }
  void Stop() { kill(pid_, SIGSTOP); }

 private:
  const std::string socket_;
  core::UniqueFd output_;
  pid_t pid_ = 0;
};

TEST_F(SshAuthTest, AcceptsEachKindOfKeyFile) {
  TestServer server;
  const std::string ecdsa = server.AuthorizedKey("ecdsa", "ecdsa");
  const std::string pem = server.AuthorizedKey("pem", "ecdsa");
  RunProgram({"ssh-keygen", "-q", "-p", "-N", "", "-m", "PEM", "-f", pem});
  for (const std::string& key : {server.identity(), ecdsa, pem}) {
    EXPECT_EQ(Output(With(server, key)), "in\n") << key;
  }
  unlink((pem + ".pub").c_str());
  EXPECT_EQ(Output(With(server, pem)), "in\n") << "PEM without its .pub";
}

TEST_F(SshAuthTest, RejectsAKeyThatTheServerDoesNotKnow) {
  TestServer server;
  for (uint32_t transport :
       {SshOptions::kLibssh2, SshOptions::kAuto, SshOptions::kOpenssh}) {
    ExpectFailure(With(server, server.stranger(), transport), "authentication",
                  Code::kUnauthenticated, "publickey");
  }
  EXPECT_EQ(chosen_, "openssh: asked for");
}

TEST_F(SshAuthTest, ListsWhatWasOfferedAndTried) {
  TestServer server;
  const std::string text =
      ExpectFailure(With(server, server.stranger()), "authentication",
                    Code::kUnauthenticated, "the server offers publickey");
  EXPECT_NE(text.find("ED25519 key " + server.stranger() + " SHA256:"),
            std::string::npos)
      << text;
}

TEST_F(SshAuthTest, NamesAKeyFileThatIsMissing) {
  TestServer server;
  ExpectFailure(With(server, server.dir().File("nothing")), "authentication",
                Code::kUnauthenticated, "nothing: No such file");
}

TEST_F(SshAuthTest, IgnoresAKeyFileThatOthersMayRead) {
  TestServer server;
  chmod(server.identity().c_str(), 0644);
  ExpectFailure(With(server, server.identity()), "authentication",
                Code::kUnauthenticated, "others may read it");
}

TEST_F(SshAuthTest, TriesTheSecondKey) {
  TestServer server;
  parent::OpenRequest request = With(server, server.stranger());
  request.ssh.identity_files.push_back(server.identity());
  EXPECT_EQ(Output(request), "in\n");
}

TEST_F(SshAuthTest, UsesTheKeyOfAnAgent) {
  TestServer server;
  Agent agent(server);
  agent.Add(server.stranger());
  agent.Add(server.identity());
  options_.user.agent_socket = agent.socket();
  EXPECT_EQ(Output(With(server, "")), "in\n");
}

TEST_F(SshAuthTest, UsesTheAgentForAnEncryptedFile) {
  TestServer server;
  Agent agent(server);
  const std::string key = server.AuthorizedKey("locked", "ed25519");
  agent.Add(key);
  RunProgram({"ssh-keygen", "-q", "-p", "-N", "secret", "-f", key});
  options_.user.agent_socket = agent.socket();
  EXPECT_EQ(Output(With(server, key)), "in\n");
  EXPECT_TRUE(prompter_.questions.empty());
}

TEST_F(SshAuthTest, AnAgentThatIsGoneDoesNoHarm) {
  TestServer server;
  options_.user.agent_socket = server.dir().File("gone");
  EXPECT_EQ(Output(With(server, server.identity())), "in\n");
}

TEST_F(SshAuthTest, AnAgentThatHangsDoesNoHarm) {
  TestServer server;
  Agent agent(server);
  agent.Add(server.stranger());
  agent.Stop();
  options_.user.agent_socket = agent.socket();
  EXPECT_EQ(Output(With(server, server.identity())), "in\n");
}

TEST_F(SshAuthTest, AsksForThePassphraseOfAnEncryptedKey) {
  TestServer server;
  const std::string key = server.AuthorizedKey("locked", "ed25519", "secret");
  prompter_.answers = {"wrong", "secret"};
  EXPECT_EQ(Output(With(server, key)), "in\n");
  ASSERT_EQ(prompter_.questions.size(), 2u);
  EXPECT_EQ(prompter_.questions[0], "Enter passphrase for key '" + key + "': ");
}

TEST_F(SshAuthTest, AsksNobodyForAKeyThatTheServerDoesNotWant) {
  TestServer server;
  const std::string key = server.AuthorizedKey("locked", "ed25519", "secret");
  server.dir().Write("home/.ssh/authorized_keys", "");
  ExpectFailure(With(server, key), "authentication", Code::kUnauthenticated,
                "refused: ED25519 key");
  EXPECT_TRUE(prompter_.questions.empty());
}

TEST_F(SshAuthTest, GivesUpAfterThreeWrongPassphrases) {
  TestServer server;
  const std::string key = server.AuthorizedKey("locked", "ed25519", "secret");
  prompter_.answers = {"Xone", "Xtwo", "Xthree", "secret"};
  const std::string text =
      ExpectFailure(With(server, key), "authentication", Code::kUnauthenticated,
                    "wrong passphrase");
  EXPECT_EQ(prompter_.questions.size(), 3u);
  EXPECT_EQ(text.find("Xone"), std::string::npos) << text;
}

TEST_F(SshAuthTest, RsaKeysGoThroughTheSshBinary) {
  TestServer server;
  const std::string key = server.AuthorizedKey("rsa", "rsa");
  parent::OpenRequest request = With(server, key, SshOptions::kAuto);
  request.command = "head -c 5";
  StreamUser user = Open(request);
  user.Send("early");  // written once, whichever transport it is for
  ASSERT_TRUE(user.RunUntilEnd());
  EXPECT_EQ(user.received(), "early") << user.status().message();
  EXPECT_EQ(chosen_, "openssh: rsa-sha2 signatures");
  ExpectFailure(With(server, key), "authentication", Code::kFailedPrecondition,
                "rsa-sha2");
}

TEST_F(SshAuthTest, CertificatesGoThroughTheSshBinary) {
  TestServer authority;
  TestServer server(TestServer::Kind::kSshd,
                    "TrustedUserCAKeys " + authority.identity() + ".pub");
  RunProgram({"ssh-keygen", "-q", "-s", authority.identity(), "-I", "test",
              "-n", testing::AccountName(), server.stranger() + ".pub"});
  EXPECT_EQ(Output(With(server, server.stranger(), SshOptions::kAuto)), "in\n");
  EXPECT_EQ(chosen_, "openssh: certificates");
}

TEST_F(SshAuthTest, HardenedServersAreLeftToTheSshBinary) {
  for (const char* config :
       {"Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com",
        "Ciphers aes256-ctr\nMACs hmac-sha2-512-etm@openssh.com",
        "KexAlgorithms sntrup761x25519-sha512@openssh.com"}) {
    TestServer server(TestServer::Kind::kSshd, config);
    EXPECT_EQ(Output(With(server, server.identity(), SshOptions::kAuto)),
              "in\n");
    EXPECT_EQ(chosen_, "openssh: what this server asks for");
    ExpectFailure(With(server, server.identity()), "key exchange",
                  Code::kFailedPrecondition, "--ssh-transport openssh");
  }
}

class PasswordTest : public SshAuthTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "!!! NEEDS ROOT: passwords live in mount namespaces";
    }
  }
};

TEST_F(PasswordTest, AsksForAPassword) {
  for (auto kind : {TestServer::Kind::kSshd, TestServer::Kind::kDropbear}) {
    TestServer server(kind, kind == TestServer::Kind::kSshd
                                ? "PasswordAuthentication yes"
                                : "");
    prompter_.answers = {"wrong", kPassword};
    prompter_.questions.clear();
    EXPECT_EQ(Output(With(server, "")), "in\n");
    ASSERT_EQ(prompter_.questions.size(), 2u);
    EXPECT_EQ(prompter_.questions[0],
              testing::AccountName() + "@127.0.0.1's password: ");
  }
}

TEST_F(PasswordTest, AnswersKeyboardInteractiveQuestions) {
  TestServer server(TestServer::Kind::kSshd,
                    "UsePAM yes\nKbdInteractiveAuthentication yes\n"
                    "PubkeyAuthentication no");
  prompter_.answers = {kPassword};
  EXPECT_EQ(Output(With(server, "")), "in\n");
  ASSERT_EQ(prompter_.questions.size(), 1u);
  EXPECT_NE(prompter_.questions[0].find("@127.0.0.1) Password: "),
            std::string::npos)
      << prompter_.questions[0];
}

TEST_F(PasswordTest, GivesAKeyAndThenAPassword) {
  TestServer server(TestServer::Kind::kSshd,
                    "PasswordAuthentication yes\n"
                    "AuthenticationMethods publickey,password");
  prompter_.answers = {kPassword};
  EXPECT_EQ(Output(With(server, server.identity())), "in\n");
}

TEST_F(PasswordTest, GivesUpAfterThreeWrongPasswords) {
  TestServer server(TestServer::Kind::kSshd, "PasswordAuthentication yes");
  prompter_.answers = {"Xone", "Xtwo", "Xthree", kPassword};
  const std::string text =
      ExpectFailure(With(server, ""), "authentication", Code::kUnauthenticated,
                    "password was refused");
  EXPECT_EQ(prompter_.questions.size(), 3u);
  EXPECT_EQ(text.find("Xone"), std::string::npos) << text;
}

TEST_F(PasswordTest, DestroyingTheStreamWithdrawsAQuestion) {
  for (const char* config : {"PasswordAuthentication yes",
                             "UsePAM yes\nKbdInteractiveAuthentication yes"}) {
    TestServer server(TestServer::Kind::kSshd, config);
    prompter_.silent = true;
    prompter_.questions.clear();
    StreamUser user = Open(With(server, ""));
    ASSERT_TRUE(user.RunUntil([this] { return !prompter_.questions.empty(); }));
    const int64_t start = loop_.NowUs();
    user.Destroy();
    EXPECT_LT(loop_.NowUs() - start, 100'000);
  }
}

}  // namespace
}  // namespace ramet::server
