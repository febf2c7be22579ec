#include "transports/openssh.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "core/loop/event_loop.h"
#include "core/wire/control.h"

namespace ramet::transports {
namespace {

using core::SshOptions;

// Puts a stub `ssh` first in PATH: it writes its arguments to a file, then does
// what the test says.
class OpensshTransportTest : public ::testing::Test,
                             protected core::ByteStream::Listener {
 protected:
  OpensshTransportTest() {
    const char* const base = getenv("TEST_TMPDIR");
    folder_ = std::string(base != nullptr ? base : "/tmp") + "/openssh_XXXXXX";
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
    path_before_ = getenv("PATH");
    setenv("PATH", (folder_ + ":" + path_before_).c_str(), 1);
  }
  ~OpensshTransportTest() override {
    stream_.reset();
    setenv("PATH", path_before_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  void StubSsh(const std::string& script) {
    const std::string path =
        Write("ssh", "#!/bin/sh\nfor a; do printf '%s\\n' \"$a\"; done > " +
                         folder_ + "/argv\n" + script + "\n");
    EXPECT_EQ(chmod(path.c_str(), 0755), 0);
  }
  std::vector<std::string> Argv() {
    std::ifstream file(folder_ + "/argv");
    std::vector<std::string> argv;
    for (std::string line; std::getline(file, line);) argv.push_back(line);
    return argv;
  }

  static parent::OpenRequest Request() {
    parent::OpenRequest request;
    request.hop.kind = parent::Hop::Kind::kSsh;
    request.hop.host = "web1";
    request.command = "exec sh -c 'a  b'";
    return request;
  }

  void Run(const parent::OpenRequest& request,
           OpensshOptions options = OpensshOptions()) {
    OpensshTransport transport(options);
    stream_ = transport.Open(&loop_, request);
    stream_->SetListener(this);
    const int64_t limit = loop_.NowUs() + 20'000'000;
    while (!done_ && loop_.NowUs() < limit) loop_.RunOnce(50'000);
    EXPECT_TRUE(done_);
  }

  void OnReadable() override {
    char buffer[4096];
    for (;;) {
      const ssize_t count = stream_->Read(buffer, sizeof buffer);
      if (count == -EAGAIN) return;
      if (count <= 0) {
        done_ = true;
        failed_ = count < 0;
        return;
      }
      if (received_.empty()) phase_at_first_byte_ = stream_->phase();
      received_.append(buffer, count);
    }
  }
  void OnWritable() override {}

  core::EventLoop loop_;
  std::string folder_;
  std::string path_before_;
  std::unique_ptr<core::ByteStream> stream_;
  std::string received_;
  std::string phase_at_first_byte_;
  bool done_ = false;
  bool failed_ = false;
};

std::vector<std::string> Always(const std::string& batch_mode) {
  return {"-o", "BatchMode=" + batch_mode,
          "-o", "LogLevel=ERROR",
          "-o", "ClearAllForwardings=yes",
          "-o", "ControlMaster=no",
          "-o", "ControlPath=none",
          "-o", "PermitLocalCommand=no",
          "-o", "IgnoreUnknown=RemoteCommand",
          "-o", "RemoteCommand=none",
          "-o", "ServerAliveInterval=15",
          "-o", "ServerAliveCountMax=3"};
}

std::vector<std::string> Join(
    const std::vector<std::vector<std::string>>& parts) {
  std::vector<std::string> all;
  for (const auto& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST_F(OpensshTransportTest, GivesSshExactlyTheseArguments) {
  StubSsh("echo hello");
  Run(Request());
  EXPECT_EQ(Argv(), Join({{"-T", "-x", "-a", "-e", "none"},
                          Always("yes"),
                          {"-o", "StrictHostKeyChecking=yes", "--", "web1",
                           "exec sh -c 'a  b'"}}));
  EXPECT_EQ(received_, "hello\n");
  EXPECT_EQ(phase_at_first_byte_, "first stage");
}

TEST_F(OpensshTransportTest, PassesUserPortAndFilesThatAreHere) {
  StubSsh("");
  parent::OpenRequest request = Request();
  request.hop.user = "deploy";
  request.hop.port = 2222;
  const std::string known = Write("known \"100%\" hosts", "");
  const std::string config = Write("config", "");
  const std::string key = Write("id", "");
  request.ssh.known_hosts = known;
  request.ssh.config_file = config;
  request.ssh.identity_files = {folder_ + "/missing", key};
  request.ssh.host_key_check = SshOptions::kAcceptNew;
  Run(request);
  EXPECT_EQ(Argv(), Join({{"-T", "-x", "-a", "-e", "none", "-F", config},
                          Always("yes"),
                          {"-o", "StrictHostKeyChecking=accept-new", "-o",
                           "UserKnownHostsFile=\"" + folder_ +
                               "/known \\\"100%%\\\" hosts\" "
                               "~/.ssh/known_hosts",
                           "-i", key, "-l", "deploy", "-p", "2222", "--",
                           "web1", "exec sh -c 'a  b'"}}));
}

TEST_F(OpensshTransportTest, LeavesOutFilesThatAreNotHere) {
  StubSsh("");
  parent::OpenRequest request = Request();
  request.ssh.known_hosts = folder_ + "/no/known_hosts";
  request.ssh.config_file = folder_ + "/no/config";
  request.ssh.identity_files = {folder_ + "/no/id"};
  Run(request);
  EXPECT_EQ(Argv(), Join({{"-T", "-x", "-a", "-e", "none"},
                          Always("yes"),
                          {"-o", "StrictHostKeyChecking=yes", "--", "web1",
                           "exec sh -c 'a  b'"}}));
}

TEST_F(OpensshTransportTest, PassesFilesOfThisMachineInAnyCase) {
  StubSsh("");
  parent::OpenRequest request = Request();
  request.ssh.config_file = folder_ + "/no/config";
  OpensshOptions options;
  options.files_are_ours = true;
  options.may_ask = true;
  Run(request, options);
  const std::vector<std::string> argv = Argv();
  ASSERT_GT(argv.size(), 8u);
  EXPECT_EQ(argv[6], folder_ + "/no/config");
  EXPECT_EQ(argv[8], "BatchMode=no");
}

TEST_F(OpensshTransportTest, ChecksAndWritesNoHostKeyWhenOff) {
  StubSsh("");
  parent::OpenRequest request = Request();
  request.ssh.known_hosts = Write("known", "");
  request.ssh.host_key_check = SshOptions::kOff;
  Run(request);
  EXPECT_EQ(Argv(), Join({{"-T", "-x", "-a", "-e", "none"},
                          Always("yes"),
                          {"-o", "StrictHostKeyChecking=no", "-o",
                           "UserKnownHostsFile=/dev/null", "-o",
                           "GlobalKnownHostsFile=/dev/null", "--", "web1",
                           "exec sh -c 'a  b'"}}));
}

TEST_F(OpensshTransportTest, ExplainsAFailure) {
  StubSsh(
      "echo 'ssh: connect to host web1 port 22: Connection refused' >&2; "
      "exit 255");
  Run(Request());
  EXPECT_TRUE(failed_);
  EXPECT_EQ(stream_->status().message(),
            "cannot connect: ssh: connect to host web1 port 22: Connection "
            "refused");
  EXPECT_STREQ(stream_->phase(), "connect");
}

TEST_F(OpensshTransportTest, SaysThatThereIsNoSsh) {
  setenv("PATH", folder_.c_str(), 1);
  Run(Request());
  EXPECT_TRUE(failed_);
  EXPECT_EQ(stream_->status().message(), "cannot start ssh: not found in PATH");
  EXPECT_EQ(stream_->status().code(), core::Code::kUnavailable);
}

TEST_F(OpensshTransportTest, EndsSshWithTheStream) {
  StubSsh("echo $$; exec sleep 100");
  OpensshTransport transport;
  stream_ = transport.Open(&loop_, Request());
  stream_->SetListener(this);
  while (received_.empty()) loop_.RunOnce(50'000);
  const pid_t pid = atoi(received_.c_str());
  EXPECT_EQ(kill(pid, 0), 0);
  stream_.reset();
  const int64_t limit = loop_.NowUs() + 20'000'000;
  while (kill(pid, 0) == 0 && loop_.NowUs() < limit) loop_.RunOnce(1'000);
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace ramet::transports
