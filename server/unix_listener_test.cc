#include "server/unix_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace ramet::server {
namespace {

using core::UniqueFd;

class UnixListenerTest : public testing::Test {
 protected:
  UnixListenerTest() {
    char name[] = "/tmp/ramet-unix-listener-test.XXXXXX";
    folder_ = mkdtemp(name);
    path_ = folder_ + "/socket";
  }
  ~UnixListenerTest() override {
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }

  absl::StatusOr<std::unique_ptr<UnixListener>> Listen() {
    return UnixListener::Listen("unix:" + path_, {},
                                [this](UniqueFd connection, uint32_t uid) {
                                  EXPECT_EQ(uid, getuid());
                                  absl::MutexLock lock(&mutex_);
                                  connection_ = std::move(connection);
                                });
  }
  // The end of a connection that the listener got.
  UniqueFd WaitForConnection() {
    absl::MutexLock lock(&mutex_);
    const auto valid = [this] { return connection_.valid(); };
    EXPECT_TRUE(
        mutex_.AwaitWithTimeout(absl::Condition(&valid), absl::Seconds(30)));
    return std::move(connection_);
  }
  UniqueFd Socket() {
    return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }
  sockaddr_un Address() const {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    return address;
  }
  UniqueFd Connect() {
    UniqueFd client = Socket();
    const sockaddr_un address = Address();
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address),
                sizeof address) != 0) {
      client.Reset();
    }
    return client;
  }

  std::string folder_;
  std::string path_;
  absl::Mutex mutex_;
  UniqueFd connection_;
};

TEST_F(UnixListenerTest, HandsConnectionsOver) {
  const auto listener = Listen();
  ASSERT_TRUE(listener.ok()) << listener.status();
  for (int i = 0; i < 3; ++i) {
    const UniqueFd client = Connect();
    ASSERT_TRUE(client.valid());
    const UniqueFd connection = WaitForConnection();
    ASSERT_EQ(write(client.get(), "hi", 2), 2);
    EXPECT_TRUE(fcntl(connection.get(), F_GETFL) & O_NONBLOCK);
    fcntl(connection.get(), F_SETFL, 0);
    char buffer[2];
    EXPECT_EQ(read(connection.get(), buffer, 2), 2);
  }
}

TEST_F(UnixListenerTest, TheSocketIsItsOwnersOnly) {
  const mode_t old_mask = umask(0);
  const auto listener = Listen();
  ASSERT_TRUE(listener.ok());
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(umask(old_mask), 0u) << "the process's mask is as it was";
}

TEST_F(UnixListenerTest, RemovesTheSocketInTheEnd) {
  auto listener = Listen();
  ASSERT_TRUE(listener.ok());
  listener->reset();
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
  EXPECT_FALSE(Connect().valid());
}

TEST_F(UnixListenerTest, ReplacesASocketThatNobodyAnswersOn) {
  {
    const UniqueFd dead = Socket();
    const sockaddr_un address = Address();
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&address),
                   sizeof address),
              0);
  }
  ASSERT_EQ(access(path_.c_str(), F_OK), 0);
  const auto listener = Listen();
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(Connect().valid());
}

TEST_F(UnixListenerTest, RefusesASocketThatSomebodyAnswersOn) {
  const auto first = Listen();
  ASSERT_TRUE(first.ok());
  const auto second = Listen();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(second.status().message(),
            "cannot listen on " + path_ + ": another process listens there");
  EXPECT_TRUE(Connect().valid()) << "the first is unharmed";
}

TEST_F(UnixListenerTest, NeverRemovesWhatIsNoSocket) {
  const UniqueFd file(open(path_.c_str(), O_CREAT | O_WRONLY, 0600));
  EXPECT_EQ(Listen().status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
}

TEST_F(UnixListenerTest, NeverFollowsALink) {
  const std::string target = folder_ + "/target";
  ASSERT_EQ(symlink(target.c_str(), path_.c_str()), 0);
  EXPECT_EQ(Listen().status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(access(target.c_str(), F_OK), 0);
}

TEST_F(UnixListenerTest, RefusesOtherKindsOfAddresses) {
  for (const std::string& address :
       {std::string(), std::string("/tmp/x"), std::string("tcp:localhost:1"),
        std::string("unix:"), "unix:/" + std::string(200, 'x')}) {
    const auto listener =
        UnixListener::Listen(address, {}, [](UniqueFd, uint32_t) {});
    EXPECT_EQ(listener.status().code(), absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST_F(UnixListenerTest, MayBeOpenedToOthersAndClosedAgain) {
  const auto listener = Listen();
  ASSERT_TRUE(listener.ok()) << listener.status();
  struct stat info;
  for (const bool open : {true, false}) {
    ASSERT_TRUE((*listener)->SetOpenToOthers(open).ok());
    ASSERT_EQ(stat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, open ? 0666u : 0600u);
  }
}

TEST_F(UnixListenerTest, NamesAFolderThatIsNotThere) {
  const auto listener = UnixListener::Listen(
      "unix:" + folder_ + "/nowhere/socket", {}, [](UniqueFd, uint32_t) {});
  EXPECT_EQ(listener.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(listener.status().message().find("No such file or directory"),
            std::string::npos);
}

}  // namespace
}  // namespace ramet::server
