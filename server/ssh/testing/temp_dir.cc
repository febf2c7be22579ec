#include "server/ssh/testing/temp_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "core/base/subprocess.h"

namespace ramet::server::testing {

TempDir::TempDir() {
  // Not the test runner's folder: it is below a home, and the sshd of a test
  // mounts a home of its own over that.
  path_ = "/tmp/ssh_test_XXXXXX";
  EXPECT_NE(mkdtemp(path_.data()), nullptr) << path_;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::Write(const std::string& name, const std::string& text,
                           int mode) const {
  const std::string path = File(name);
  std::ofstream(path) << text;
  EXPECT_EQ(chmod(path.c_str(), mode), 0) << path;
  return path;
}

std::string ReadFile(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void RunProgram(const std::vector<std::string>& argv) {
  core::SpawnOptions options;
  options.argv = argv;
  options.fds = {-1, -1, 2};
  pid_t pid = 0;
  const core::Status status = core::Spawn(options, &pid);
  ASSERT_TRUE(status.ok()) << status.message();
  int wait_status = 0;
  ASSERT_EQ(waitpid(pid, &wait_status, 0), pid);
  ASSERT_EQ(wait_status, 0)
      << argv[0] << ": " << core::DescribeWaitStatus(wait_status);
}

}  // namespace ramet::server::testing
