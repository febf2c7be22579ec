// The unpacker from outside: a program is packed, started and looked at.

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/base/subprocess.h"
#include "core/base/unique_fd.h"
#include "parent/agent_image.h"

namespace ramet::unpacker {
namespace {

using core::UniqueFd;

// Of this machine, unless the environment says for which.
std::string ReadFile(const std::string& name) {
  const char* const suffix = getenv("SAY_START_SUFFIX");
  const std::string path =
      "agent/unpacker/" + name + (suffix != nullptr ? suffix : "");
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string bytes;
  EXPECT_TRUE(parent::ReadImage(file.get(), &bytes).ok()) << path;
  return bytes;
}

UniqueFd MemoryFile(const std::string& bytes) {
  int fd = -1;
  EXPECT_TRUE(parent::MakeMemoryFile("test", bytes, &fd).ok());
  return UniqueFd(fd);
}

struct Result {
  std::string end;  // as DescribeWaitStatus tells it
  std::string out;
  std::string err;
};

class UnpackerTest : public testing::Test {
 protected:
  // Starts `image` with what a first stage leaves on descriptors 3 and up.
  Result Run(const std::string& image, const std::vector<int>& more_fds = {}) {
    const UniqueFd program = MemoryFile(image);
    const UniqueFd out = MemoryFile("");
    const UniqueFd err = MemoryFile("");
    core::SpawnOptions options;
    options.argv = argv_;
    options.environment = {"RAMET_TEST=a value"};
    options.image_fd = program.get();
    options.fds = {-1, out.get(), err.get()};
    options.fds.insert(options.fds.end(), more_fds.begin(), more_fds.end());
    pid_t pid = -1;
    const core::Status status = core::Spawn(options, &pid);
    Result result;
    if (!status.ok()) {
      result.end = status.message();
      return result;
    }
    int wait_status = 0;
    EXPECT_EQ(waitpid(pid, &wait_status, 0), pid);
    result.end = core::DescribeWaitStatus(wait_status);
    EXPECT_TRUE(parent::ReadImage(out.get(), &result.out).ok());
    EXPECT_TRUE(parent::ReadImage(err.get(), &result.err).ok());
    return result;
  }

  std::vector<std::string> argv_ = {"packed", "-p", "two words"};
  const std::string packed_ = ReadFile("packed_say_start");
  const std::string unpacked_ = ReadFile("say_start");
};

bool Has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line) != std::string::npos;
}

TEST_F(UnpackerTest, PassesArgumentsEnvironmentAndStatusOn) {
  const Result result = Run(packed_);
  EXPECT_EQ(result.end, "exit status 42");
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(Has(result.out,
                  "argument packed\nargument -p\nargument two words\n"
                  "environment "))
      << result.out;
  EXPECT_TRUE(Has(result.out, "environment RAMET_TEST=a value\n"))
      << result.out;
}

TEST_F(UnpackerTest, AnswersAProbeItself) {
  argv_ = {"packed", "-p"};
  const Result result = Run(packed_);
  EXPECT_EQ(result.end, "exit status 0");
  EXPECT_EQ(result.out + result.err, "");
}

TEST_F(UnpackerTest, PutsTheExecutableOnDescriptor3AndNothingElse) {
  const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  const std::string size = std::to_string(unpacked_.size());
  struct stat four;
  const UniqueFd packed_file = MemoryFile(packed_);
  ASSERT_EQ(fstat(packed_file.get(), &four), 0);
  for (const bool with_three : {false, true}) {
    std::vector<int> fds = {packed_file.get(), packed_file.get()};
    if (!with_three) fds[0] = -1;
    const Result result = Run(packed_, fds);
    const size_t at = result.out.find("fd 3: ");
    ASSERT_NE(at, std::string::npos) << result.out;
    const std::string inode =
        result.out.substr(result.out.find("inode ", at) + 6,
                          result.out.find(',', result.out.find("inode ", at)) -
                              result.out.find("inode ", at) - 6);
    EXPECT_TRUE(Has(result.out, "fd 3: " + size + " bytes, inode " + inode +
                                    ", seals " + std::to_string(seals) + "\n"))
        << result.out;
    EXPECT_TRUE(Has(result.out,
                    "executable: " + size + " bytes, inode " + inode + "\n"))
        << result.out;
    EXPECT_TRUE(Has(result.out, "fd 4: " + std::to_string(packed_.size()) +
                                    " bytes, inode " +
                                    std::to_string(four.st_ino)))
        << result.out;
    for (const char* closed : {"5", "6", "7", "8", "9"}) {
      EXPECT_TRUE(Has(result.out, "fd " + std::string(closed) + ": closed\n"))
          << result.out;
    }
  }
}

TEST_F(UnpackerTest, IsSmallerThanWhatItCarries) {
  EXPECT_LT(packed_.size(), unpacked_.size());
}

TEST_F(UnpackerTest, DamageIsSaidInOneLine) {
  // Its last two thirds are the stream.
  constexpr int kPlaces = 200;
  for (int i = 0; i < kPlaces; ++i) {
    std::string damaged = packed_;
    const size_t begin = packed_.size() / 3;
    // The very end says nothing.
    damaged[begin + (packed_.size() - begin - 8) * i / kPlaces] ^= 1 << i % 8;
    const Result result = Run(damaged);
    ASSERT_EQ(result.end, "exit status 1") << i;
    ASSERT_EQ(result.err, "ramet: cannot unpack the agent: damaged\n");
    ASSERT_EQ(result.out, "");
  }
}

TEST_F(UnpackerTest, WhatIsCutOffDoesNotStart) {
  for (size_t size = 0; size + 8 < packed_.size(); size += 97) {
    const Result result = Run(packed_.substr(0, size));
    ASSERT_NE(result.end, "exit status 42") << size;
    ASSERT_NE(result.end, "exit status 0") << size;
    ASSERT_EQ(result.out, "") << size;
  }
}

TEST_F(UnpackerTest, RemovesTheFilesItIsToldEvenWhenItFails) {
  std::string damaged = packed_;
  damaged[packed_.size() / 2] ^= 1;
  for (const std::string& image : {packed_, damaged}) {
    argv_ = {"packed", "nonce"};
    for (int i = 0; i < 2; ++i) {
      char name[] = "/tmp/ramet-unpacker-test.XXXXXX";
      const UniqueFd file(mkstemp(name));
      ASSERT_TRUE(file.valid());
      argv_.push_back(name);
    }
    const Result result = Run(image);
    EXPECT_EQ(result.end,
              image == packed_ ? "exit status 42" : "exit status 1");
    EXPECT_NE(access(argv_[2].c_str(), F_OK), 0);
    EXPECT_NE(access(argv_[3].c_str(), F_OK), 0);
  }
}

TEST_F(UnpackerTest, NoDescriptorIsAnErrorWithItsNumber) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const UniqueFd program = MemoryFile(packed_);
  int errors[2];
  ASSERT_EQ(pipe2(errors, O_CLOEXEC), 0);
  const UniqueFd reading(errors[0]);
  UniqueFd writing(errors[1]);
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    dup2(writing.get(), 2);
    const rlimit limit = {3, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
    const char* const argv[] = {"packed", nullptr};
    fexecve(program.get(), const_cast<char**>(argv), environ);
    _exit(2);
  }
  writing.Reset();
  char text[200];
  size_t length = 0;
  ssize_t count;
  while ((count = read(reading.get(), text + length, sizeof text - length)) >
         0) {
    length += count;
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(core::DescribeWaitStatus(status), "exit status 1");
  EXPECT_EQ(std::string(text, length),
            "ramet: cannot unpack the agent: memfd_create, error 0" +
                std::to_string(EMFILE) + "\n");
}

}  // namespace
}  // namespace ramet::unpacker
