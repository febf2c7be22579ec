#include "core/base/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "core/base/unique_fd.h"

namespace ramet::core {
namespace {

struct Pipe {
  Pipe() {
    int fds[2];
    EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
    read_end.Reset(fds[0]);
    write_end.Reset(fds[1]);
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t count;
  while ((count = read(fd, buffer, sizeof buffer)) > 0) {
    text.append(buffer, count);
  }
  return text;
}

int Wait(pid_t pid) {
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return status;
}

// What a shell script that the options start writes to standard output.
std::string OutputOf(SpawnOptions options) {
  Pipe output;
  if (options.fds.empty()) options.fds = {-1, -1, -1};
  options.fds[1] = output.write_end.get();
  pid_t pid = 0;
  const Status status = Spawn(options, &pid);
  EXPECT_TRUE(status.ok()) << status.message();
  if (!status.ok()) return std::string();
  output.write_end.Reset();
  const std::string text = ReadAll(output.read_end.get());
  Wait(pid);
  return text;
}

SpawnOptions Shell(const std::string& script) {
  SpawnOptions options;
  options.argv = {"sh", "-c", script};
  return options;
}

TEST(SpawnTest, PassesArgumentsAsTheyAre) {
  SpawnOptions options;
  options.argv = {"printf", "%s|", "a b", "", "$HOME"};
  EXPECT_EQ(OutputOf(options), "a b||$HOME|");
}

TEST(SpawnTest, FindsNoProgramThatIsNotThere) {
  SpawnOptions options;
  options.argv = {"ramet-no-such-program"};
  pid_t pid = 0;
  const Status status = Spawn(options, &pid);
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_EQ(status.message(),
            "cannot start ramet-no-such-program: not found in PATH");
}

TEST(SpawnTest, SaysWhyExecFailed) {
  SpawnOptions options;
  options.argv = {"/etc/hostname/no"};
  pid_t pid = 0;
  const Status status = Spawn(options, &pid);
  EXPECT_EQ(status.message(),
            "cannot start /etc/hostname/no: cannot execute: Not a directory");
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "left a child behind";
  EXPECT_EQ(errno, ECHILD);
}

TEST(SpawnTest, LeadsASessionOfItsOwn) {
  Pipe output;
  SpawnOptions options;
  options.argv = {"sleep", "100"};
  pid_t pid = 0;
  ASSERT_TRUE(Spawn(options, &pid).ok());
  EXPECT_EQ(getsid(pid), pid);
  EXPECT_EQ(getpgid(pid), pid);
  KillGroupAndReap(pid);
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(SpawnTest, UnblocksSignalsAndRestoresDefaults) {
  sigset_t mask;
  sigset_t before;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &mask, &before);
  auto* handler = signal(SIGPIPE, SIG_IGN);
  SpawnOptions options;
  options.argv = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
  EXPECT_EQ(OutputOf(options),
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, &before, &after);
  EXPECT_TRUE(sigismember(&after, SIGTERM)) << "the caller's mask was lost";
  signal(SIGPIPE, handler);
}

TEST(SpawnTest, AddsAndReplacesVariables) {
  setenv("RAMET_TEST_OLD", "old", 1);
  setenv("RAMET_TEST_KEPT", "kept", 1);
  SpawnOptions options =
      Shell("echo $RAMET_TEST_OLD,$RAMET_TEST_NEW,$RAMET_TEST_KEPT");
  options.environment = {"RAMET_TEST_OLD=replaced", "RAMET_TEST_NEW=new"};
  EXPECT_EQ(OutputOf(options), "replaced,new,kept\n");
}

TEST(SpawnTest, BeginsInAKnownStateWhenAsked) {
  setenv("RAMET_TEST_OLD", "old", 1);
  setenv("RAMET_TEST_KEPT", "kept", 1);
  setenv("RAMET_TEST_KEPT_NOT", "secret", 1);
  umask(077);
  SpawnOptions options = Shell("/usr/bin/env | grep RAMET | sort; umask; pwd");
  options.clean = true;
  options.environment = {"RAMET_TEST_KEPT", "RAMET_TEST_OLD=new",
                         "RAMET_TEST_NONE", "RAMET_TEST=a=b"};
  EXPECT_EQ(OutputOf(options),
            "RAMET_TEST=a=b\nRAMET_TEST_KEPT=kept\nRAMET_TEST_OLD=new\n"
            "0022\n/\n");
  umask(022);
}

TEST(SpawnTest, LimitsMemory) {
  SpawnOptions options = Shell("ulimit -d");
  options.max_data_bytes = 64 << 20;
  EXPECT_EQ(OutputOf(options), "65536\n");
}

TEST(SpawnTest, GivesNullDevicesForMissingDescriptors) {
  EXPECT_EQ(OutputOf(Shell("readlink /proc/self/fd/0 /proc/self/fd/2")),
            "/dev/null\n/dev/null\n");
}

TEST(SpawnTest, SwapsDescriptorsThatCollide) {
  // Descriptors 3 and 4 of the child are 4 and 3 of this process.
  UniqueFd three(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  UniqueFd four(open("/dev/full", O_RDONLY | O_CLOEXEC));
  SpawnOptions options =
      Shell("readlink /proc/self/fd/" + std::to_string(three.get()) +
            " /proc/self/fd/" + std::to_string(four.get()));
  options.fds.assign(std::max(three.get(), four.get()) + 1, -1);
  options.fds[three.get()] = four.get();
  options.fds[four.get()] = three.get();
  EXPECT_EQ(OutputOf(options), "/dev/full\n/dev/zero\n");
}

TEST(SpawnTest, KeepsADescriptorThatStaysWhereItIs) {
  UniqueFd file(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  SpawnOptions options =
      Shell("readlink /proc/self/fd/" + std::to_string(file.get()));
  options.fds.assign(file.get() + 1, -1);
  options.fds[file.get()] = file.get();
  EXPECT_EQ(OutputOf(options), "/dev/zero\n");
}

UniqueFd MemoryFile(const std::string& bytes) {
  UniqueFd fd(memfd_create("image", MFD_CLOEXEC));
  EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()),
            static_cast<ssize_t>(bytes.size()));
  return fd;
}

TEST(SpawnTest, StartsAnOpenImageUnderAnyName) {
  UniqueFd program(open("/bin/cat", O_RDONLY | O_CLOEXEC));
  UniqueFd image = MemoryFile(ReadAll(program.get()));
  SpawnOptions options;
  options.argv = {"ramet: web1", "/proc/self/cmdline"};
  options.image_fd = image.get();
  EXPECT_EQ(OutputOf(options),
            std::string("ramet: web1\0/proc/self/cmdline\0", 31));
}

TEST(SpawnTest, StartsAScriptFromAnOpenImage) {
  UniqueFd image = MemoryFile("#!/bin/sh\necho script $1\n");
  SpawnOptions options;
  options.argv = {"script", "argument"};
  options.image_fd = image.get();
  EXPECT_EQ(OutputOf(options), "script argument\n");
}

TEST(SpawnTest, MovesTheImageOutOfTheTargetsWay) {
  UniqueFd image(open("/bin/echo", O_RDONLY | O_CLOEXEC));
  SpawnOptions options;
  options.argv = {"echo", "moved"};
  options.image_fd = image.get();
  options.fds.assign(image.get() + 1, -1);
  EXPECT_EQ(OutputOf(options), "moved\n");
}

// From now on, in this process and its children, as before Linux 3.19.
void ForgetExecveat() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {sizeof code / sizeof code[0], code};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

// Its output, where something else comes to be where the image was.
[[noreturn]] void EchoFromAMovedImageWithoutExecveat() {
  ForgetExecveat();
  UniqueFd image(open("/bin/echo", O_RDONLY | O_CLOEXEC));
  SpawnOptions options;
  options.argv = {"echo", "moved"};
  options.image_fd = image.get();
  options.fds.assign(image.get() + 1, -1);
  _exit(OutputOf(options) == "moved\n" ? 0 : 1);
}

TEST(SpawnTest, FindsTheMovedImageWithoutExecveatToo) {
  EXPECT_EXIT(EchoFromAMovedImageWithoutExecveat(), testing::ExitedWithCode(0),
              "");
}

TEST(SpawnTest, ChildDiesWithTheThreadThatStartedIt) {
  pid_t pid = 0;
  std::thread([&pid] {
    SpawnOptions options;
    options.argv = {"sleep", "100"};
    options.die_with_parent = true;
    EXPECT_TRUE(Spawn(options, &pid).ok());
  }).join();
  EXPECT_EQ(DescribeWaitStatus(Wait(pid)), "killed by signal 9 (SIGKILL)");
}

TEST(DescribeWaitStatusTest, NamesExitStatus) {
  pid_t pid = 0;
  ASSERT_TRUE(Spawn(Shell("exit 3"), &pid).ok());
  EXPECT_EQ(DescribeWaitStatus(Wait(pid)), "exit status 3");
}

TEST(KillGroupAndReapTest, KillsDescendantsToo) {
  Pipe output;
  SpawnOptions options = Shell("sleep 100 & echo $!; wait");
  options.fds = {-1, output.write_end.get(), -1};
  pid_t pid = 0;
  ASSERT_TRUE(Spawn(options, &pid).ok());
  output.write_end.Reset();
  char line[32] = {};
  ASSERT_GT(read(output.read_end.get(), line, sizeof line - 1), 0);
  KillGroupAndReap(pid);
  // The pipe's end comes when the last holder, the sleep, is gone.
  EXPECT_EQ(ReadAll(output.read_end.get()), "");
}

}  // namespace
}  // namespace ramet::core
