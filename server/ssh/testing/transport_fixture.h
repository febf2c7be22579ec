#ifndef SERVER_SSH_TESTING_TRANSPORT_FIXTURE_H_
#define SERVER_SSH_TESTING_TRANSPORT_FIXTURE_H_

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <memory>
#include <string>
#include <utility>

#include "core/loop/event_loop.h"
#include "core/wire/control.h"
#include "parent/connect_stats.h"
#include "parent/transport.h"
#include "server/ssh/ssh_transport.h"
#include "server/ssh/testing/fake_prompter.h"
#include "server/ssh/testing/stream_user.h"
#include "server/ssh/testing/test_server.h"

namespace ramet::server::testing {

// Opens streams to a TestServer; checks that no process is left behind.
class TransportFixture : public ::testing::Test {
 protected:
  parent::OpenRequest Request(const TestServer& server,
                              const std::string& command,
                              uint32_t transport = core::SshOptions::kLibssh2) {
    parent::OpenRequest request;
    request.hop.kind = parent::Hop::Kind::kSsh;
    request.hop.user = AccountName();
    request.hop.host = "127.0.0.1";
    request.hop.port = server.port();
    request.ssh.config_file = server.config();
    request.ssh.known_hosts = server.known_hosts();
    request.ssh.identity_files = {server.identity()};
    request.ssh.transport = transport;
    request.command = command;
    request.stats = &stats_;
    return request;
  }

  StreamUser Open(const parent::OpenRequest& request) {
    if (transport_ == nullptr) {
      options_.user.name = AccountName();
      options_.prompter = &prompter_;
      options_.on_chosen = [this](const parent::Hop&, const std::string& what) {
        chosen_ = what;
      };
      transport_ = std::make_unique<SshTransport>(options_);
    }
    return StreamUser(&loop_, transport_->Open(&loop_, request));
  }

  // Runs the command and gives what it printed.
  std::string Output(const parent::OpenRequest& request) {
    StreamUser user = Open(request);
    EXPECT_TRUE(user.RunUntilEnd());
    EXPECT_TRUE(user.ended())
        << user.phase() << ": " << user.status().message();
    return user.received();
  }

  // The stream fails in this phase, with this code and a text that contains
  // `text`; gives the whole text.
  std::string ExpectFailure(const parent::OpenRequest& request,
                            const std::string& phase, core::Code code,
                            const std::string& text) {
    StreamUser user = Open(request);
    EXPECT_TRUE(user.RunUntilEnd()) << "hangs in " << user.phase();
    EXPECT_TRUE(user.failed()) << user.received();
    EXPECT_EQ(user.phase(), phase) << user.status().message();
    EXPECT_STREQ(core::CodeName(user.status().code()), core::CodeName(code))
        << user.status().message();
    EXPECT_NE(user.status().message().find(text), std::string::npos)
        << user.status().message();
    return user.status().message();
  }

 private:
  // Goes last, when all that could hold a process is gone.
  struct ChildrenCheck {
    ~ChildrenCheck() {
      EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
      EXPECT_EQ(errno, ECHILD);
    }
  };
  ChildrenCheck children_check_;

 protected:
  core::EventLoop loop_;
  parent::ConnectStats stats_;
  FakePrompter prompter_;
  SshTransportOptions options_;  // until the first Open
  std::unique_ptr<SshTransport> transport_;
  std::string chosen_;
};

}  // namespace ramet::server::testing

#endif  // SERVER_SSH_TESTING_TRANSPORT_FIXTURE_H_
