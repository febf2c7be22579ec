#include "parent/first_stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/subprocess.h"
#include "core/base/unique_fd.h"
#include "core/loop/event_loop.h"
#include "core/loop/fd_stream.h"
#include "core/testing/raw_peer.h"
#include "core/wire/control.h"
#include "parent/agent_image.h"
#include "parent/bootstrap_stream.h"
#include "parent/platform.h"

namespace ramet::parent {
namespace {

using core::UniqueFd;

// As the test's data has it.
constexpr char kAgent[] = "agent/packed_agent";

// A target that does not come to an end in this time hangs.
constexpr int64_t kHangsUs = 30'000'000;

std::string ReadFile(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string bytes;
  EXPECT_TRUE(file.valid()) << path;
  if (file.valid()) {
    EXPECT_TRUE(ReadImage(file.get(), &bytes).ok());
  }
  return bytes;
}

UniqueFd MemoryFile(const std::string& bytes) {
  int fd = -1;
  EXPECT_TRUE(MakeMemoryFile("image", bytes, &fd).ok());
  return UniqueFd(fd);
}

// The real agent, or whatever a test calls one.
class Images final : public AgentImages {
 public:
  explicit Images(const std::string& agent) : packed_(MemoryFile(agent)) {
    image_ = {ThisPlatform().name, ThisPlatform().uname, -1, packed_.get()};
  }
  const AgentImage& own() const override { return image_; }
  const AgentImage& Guess(std::string_view) const override { return image_; }
  void Find(std::string_view uname, Waiter* waiter) override {
    waiter->OnImage(uname == image_.uname ? &image_ : nullptr);
  }
  void Forget(Waiter*) override {}

 private:
  const UniqueFd packed_;
  AgentImage image_;
};

std::string Replaced(std::string text, const std::string& from,
                     const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << "the first stage has no " << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

// A stream whose far end is a shell that runs the first stage.
class FirstStageTest : public testing::TestWithParam<const char*> {
 protected:
  FirstStageTest() : nonce_(MakeNonce()) {
    signal(SIGPIPE, SIG_IGN);
    char name[] = "/tmp/ramet-first-stage-test.XXXXXX";
    folder_ = mkdtemp(name);
    const std::string tools = folder_ + "/tools";
    mkdir(tools.c_str(), 0700);
    mkdir((folder_ + "/place").c_str(), 0700);
    for (const char* tool : {"dd", "uname", "chmod", "rm", "cat"}) {
      Link(tool, std::string("/bin/") + tool);
    }
  }

  ~FirstStageTest() override {
    stream_.reset();
    if (pid_ > 0) core::KillGroupAndReap(pid_);
    ExpectNothingLeft();
    (void)!system(("rm -rf " + folder_).c_str());
  }

  // The shell that is tested, in place of /bin/sh.
  static std::string Shell() { return GetParam(); }
  std::string Tool(const std::string& name) const {
    return folder_ + "/tools/" + name;
  }
  std::string Place() const { return folder_ + "/place"; }
  void Link(const std::string& name, const std::string& target) {
    unlink(Tool(name).c_str());
    ASSERT_EQ(access(target.c_str(), X_OK), 0) << target << " is missing";
    ASSERT_EQ(symlink(target.c_str(), Tool(name).c_str()), 0);
  }
  void Script(const std::string& name, const std::string& text) {
    unlink(Tool(name).c_str());
    FILE* const file = fopen(Tool(name).c_str(), "we");
    ASSERT_NE(file, nullptr);
    fputs(("#!/bin/sh\n" + text + "\n").c_str(), file);
    fclose(file);
    ASSERT_EQ(chmod(Tool(name).c_str(), 0700), 0);
  }

  // The command of the first stage, for the shell that is tested.
  std::string Command(const std::string& uname,
                      const std::string& image) const {
    return Replaced(FirstStageCommand(nonce_, uname, image.size()), "/bin/sh",
                    Shell());
  }
  // The same with nothing but the test's own programs and places.
  std::string FencedCommand(const std::string& uname, const std::string& image,
                            const std::string& places) const {
    std::string command = Command(uname, image);
    command = Replaced(command, "PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin",
                       "PATH=" + folder_ + "/tools");
    return Replaced(command,
                    "/dev/shm $t $XDG_RUNTIME_DIR /run /tmp /var/tmp $HOME .",
                    places);
  }

  // Starts it, with the parent's half of the dialogue on top.
  void Start(const std::string& command, const std::string& first_image,
             std::unique_ptr<Images> images) {
    images_ = std::move(images);
    int in[2];
    int out[2];
    ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
    UniqueFd child_in(in[0]);
    UniqueFd child_out(out[1]);
    stderr_ = MemoryFile("");
    core::SpawnOptions options;
    options.argv = {
        "env", "-i",   "HOME=" + folder_, "PATH=/usr/bin:/bin", "sh",
        "-c",  command};
    options.fds = {child_in.get(), child_out.get(), stderr_.get()};
    const core::Status status = core::Spawn(options, &pid_);
    ASSERT_TRUE(status.ok()) << status.message();
    auto stream = std::make_unique<core::FdStream>(&loop_, UniqueFd(out[0]),
                                                   UniqueFd(in[1]));
    auto bootstrap = std::make_unique<BootstrapStream>(
        std::move(stream), nonce_, first_image, images_.get(), &stats_);
    bootstrap_ = bootstrap.get();
    stream_ = std::make_unique<core::RawPeer>(std::move(bootstrap));
    stats_.bootstrap_round_trips = 1;
  }

  // Says hello to the agent, in the flight of the image.
  void SayHello() {
    core::Hello hello;
    hello.version = core::kProtocolVersion;
    hello.child_id = 7;
    hello.ancestor_ids = {core::kMasterId};
    hello.name = "ssh:web1";
    hello.parent_name = "master";
    core::FrameHeader header;
    header.dst_id = 7;
    header.handle = core::kHello;
    stream_->Send(header, core::SerializeControl(hello));
  }

  bool RunUntil(const std::function<bool()>& done) {
    const int64_t limit = loop_.NowUs() + kHangsUs;
    while (loop_.NowUs() < limit) {
      if (done()) return true;
      loop_.RunOnce(20'000);
    }
    return false;
  }
  std::string Stderr() const {
    std::string text;
    EXPECT_TRUE(ReadImage(stderr_.get(), &text).ok());
    return text;
  }

  void ExpectAgentAnswers() {
    ASSERT_TRUE(RunUntil(
        [this] { return !stream_->frames().empty() || stream_->ended(); }));
    ASSERT_EQ(stream_->frames().size(), 1u)
        << bootstrap_->status().message() << "\n"
        << Stderr();
    const core::RawFrame& frame = stream_->frames()[0];
    EXPECT_EQ(frame.header.handle, core::kHello);
    EXPECT_EQ(frame.header.src_id, 7u);
    core::HelloReply reply;
    ASSERT_TRUE(core::ParseControl(frame.payload, &reply));
    EXPECT_EQ(reply.version, core::kProtocolVersion);
    EXPECT_EQ(reply.platform, ThisPlatform().name);
    ExpectNothingLeft();
    // It ends with its link, and was the shell's process all along.
    EXPECT_EQ(reply.pid, static_cast<uint32_t>(pid_));
    stream_->Close();
    EXPECT_EQ(WaitForEnd(), "exit status 0");
  }
  std::string WaitForEnd() {
    int status = 0;
    const bool ended =
        RunUntil([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
    EXPECT_TRUE(ended) << "the target hangs";
    if (!ended) return "";
    pid_ = -1;
    return core::DescribeWaitStatus(status);
  }

  // No file of this bootstrap in any place that it may have tried.
  void ExpectNothingLeft() {
    for (const std::string& place :
         {std::string("/dev/shm"), std::string("/run"), std::string("/tmp"),
          std::string("/var/tmp"), std::string("."), folder_, Place()}) {
      DIR* const folder = opendir(place.c_str());
      if (folder == nullptr) continue;
      while (const dirent* entry = readdir(folder)) {
        EXPECT_EQ(std::string(entry->d_name).find(nonce_), std::string::npos)
            << place << "/" << entry->d_name;
      }
      closedir(folder);
    }
  }

  const std::string nonce_;
  core::EventLoop loop_;
  std::string folder_;
  UniqueFd stderr_;
  pid_t pid_ = -1;
  ConnectStats stats_;
  std::unique_ptr<Images> images_;  // outlives the stream
  BootstrapStream* bootstrap_ = nullptr;
  std::unique_ptr<core::RawPeer> stream_;
};

std::string ShellName(const testing::TestParamInfo<const char*>& info) {
  const std::string shell = info.param;
  return shell == "/bin/busybox sh" ? "BusyBox" : shell.substr(5);
}

INSTANTIATE_TEST_SUITE_P(Shells, FirstStageTest,
                         testing::Values("/bin/dash", "/bin/bash",
                                         "/bin/busybox sh"),
                         ShellName);

// Targets whose programs are missing, or strange. BusyBox's shell would take
// its own instead.
class OddTargetTest : public FirstStageTest {};

INSTANTIATE_TEST_SUITE_P(Shells, OddTargetTest,
                         testing::Values("/bin/dash", "/bin/bash"), ShellName);

TEST_P(FirstStageTest, BecomesTheAgentInOneRoundTrip) {
  const std::string image = ReadFile(kAgent);
  Start(Command(ThisPlatform().uname, image), image,
        std::make_unique<Images>(image));
  SayHello();
  ExpectAgentAnswers();
  EXPECT_EQ(stats_.bootstrap_round_trips, 1u);
}

TEST_P(FirstStageTest, AsksForAnotherImageWhenTheGuessWasWrong) {
  const std::string wrong = std::string(100'000, '\n');
  Start(Command("SunOS sun4u", wrong), wrong,
        std::make_unique<Images>(ReadFile(kAgent)));
  SayHello();
  ExpectAgentAnswers();
  EXPECT_EQ(stats_.bootstrap_round_trips, 2u);
}

TEST_P(FirstStageTest, RunsOnFewPrograms) {
  const std::string image = ReadFile(kAgent);
  Start(FencedCommand(ThisPlatform().uname, image, Place()), image,
        std::make_unique<Images>(image));
  SayHello();
  ExpectAgentAnswers();
  EXPECT_EQ(stats_.bootstrap_round_trips, 1u);
}

TEST_P(OddTargetTest, CopiesWithADdThatKnowsNoFullblock) {
  Script("dd",
         "for a;do case $a in iflag=*)echo \"dd: unknown operand $a\" >&2;"
         "exit 1;;esac;done;exec /bin/dd \"$@\"");
  const std::string image = ReadFile(kAgent);
  Start(FencedCommand(ThisPlatform().uname, image, Place()), image,
        std::make_unique<Images>(image));
  SayHello();
  ExpectAgentAnswers();
  EXPECT_EQ(stats_.bootstrap_round_trips, 1u);
}

TEST_P(OddTargetTest, GoesOnToAnotherPlaceWhenOneIsFull) {
  const std::string full = folder_ + "/full";
  const std::string other = folder_ + "/other";
  ASSERT_EQ(mkdir(full.c_str(), 0700), 0);
  ASSERT_EQ(mkdir(other.c_str(), 0700), 0);
  // The first time, there is room for 1000 bytes.
  Script("dd", "if [ -e " + folder_ +
                   "/second ];then exec /bin/dd \"$@\";fi;: >" + folder_ +
                   "/second;/bin/dd bs=1000 count=1 2>/dev/null;"
                   "echo \"dd: no space left on device\" >&2;exit 1");
  const std::string image = ReadFile(kAgent);
  Start(FencedCommand(ThisPlatform().uname, image, full + " " + other), image,
        std::make_unique<Images>(image));
  SayHello();
  ExpectAgentAnswers();
  EXPECT_EQ(stats_.bootstrap_round_trips, 2u);
  EXPECT_NE(Stderr().find("no space left on device"), std::string::npos);
}

TEST_P(OddTargetTest, GoesOnToAnotherPlaceWhereProgramsMayRun) {
  const std::string first = folder_ + "/first";
  ASSERT_EQ(mkdir(first.c_str(), 0700), 0);
  // As on a noexec mount: what is there can't be run.
  Script("chmod", "case $2 in " + first +
                      "/*)exec /bin/chmod 600 $2;;esac;"
                      "exec /bin/chmod \"$@\"");
  const std::string image = ReadFile(kAgent);
  Start(FencedCommand(ThisPlatform().uname, image, first + " " + Place()),
        image, std::make_unique<Images>(image));
  SayHello();
  ExpectAgentAnswers();
  EXPECT_EQ(stats_.bootstrap_round_trips, 1u) << "with the image it has";
}

TEST_P(OddTargetTest, TriesTheImageItHasInEveryPlace) {
  // /proc/mounts names the same place twice; files of the third can be run.
  std::string places;
  for (const char* name : {"first", "second", "third"}) {
    const std::string place = folder_ + "/" + name;
    ASSERT_EQ(mkdir(place.c_str(), 0700), 0);
    places += place + " " + place + " ";
  }
  Script("chmod", "case $2 in " + folder_ +
                      "/third/*)exec /bin/chmod \"$@\";;esac;"
                      "exec /bin/chmod 600 $2");
  const std::string image = ReadFile(kAgent);
  Start(FencedCommand(ThisPlatform().uname, image, places), image,
        std::make_unique<Images>(image));
  SayHello();
  ExpectAgentAnswers();
  EXPECT_EQ(stats_.bootstrap_round_trips, 1u);
  for (const char* name : {"/first", "/second", "/third"}) {
    EXPECT_EQ(rmdir((folder_ + name).c_str()), 0) << name << " is not empty";
  }
}

TEST_P(OddTargetTest, SaysWhyTheAgentCannotBeUnpacked) {
  std::string image = ReadFile(kAgent);
  image[image.size() / 2] ^= 1;
  Start(FencedCommand(ThisPlatform().uname, image, Place()), image,
        std::make_unique<Images>(image));
  ASSERT_TRUE(RunUntil([this] { return stream_->ended(); }));
  EXPECT_EQ(Stderr(), "ramet: cannot unpack the agent: damaged\n");
  stream_->Close();
  EXPECT_EQ(WaitForEnd(), "exit status 1");
}

TEST_P(FirstStageTest, NeverFollowsWhatSomebodyPlanted) {
  const std::string first = folder_ + "/first";
  ASSERT_EQ(mkdir(first.c_str(), 0700), 0);
  const std::string victim = folder_ + "/victim";
  const std::string planted = first + "/.ramet-" + nonce_;
  ASSERT_EQ(symlink(victim.c_str(), planted.c_str()), 0);
  const std::string image = ReadFile(kAgent);
  Start(FencedCommand(ThisPlatform().uname, image, first + " " + Place()),
        image, std::make_unique<Images>(image));
  SayHello();
  ASSERT_TRUE(RunUntil(
      [this] { return !stream_->frames().empty() || stream_->ended(); }));
  EXPECT_EQ(stream_->frames().size(), 1u) << Stderr();
  EXPECT_NE(access(victim.c_str(), F_OK), 0);
  EXPECT_EQ(unlink(planted.c_str()), 0);
}

TEST_P(FirstStageTest, SaysSoWhereThereIsNoPlace) {
  const std::string image = ReadFile(kAgent);
  Start(FencedCommand(ThisPlatform().uname, image, folder_ + "/nowhere"), image,
        std::make_unique<Images>(image));
  SayHello();
  ASSERT_TRUE(RunUntil([this] { return stream_->ended(); }));
  EXPECT_EQ(bootstrap_->status().code(), core::Code::kFailedPrecondition);
  EXPECT_EQ(bootstrap_->status().message().substr(0, 64),
            "the first stage found no writable place that may run a program; ");
  stream_->Close();
  EXPECT_EQ(WaitForEnd(), "exit status 1");
}

TEST_P(OddTargetTest, SaysSoWhereTheAgentDoesNotRun) {
  const std::string image = "this is no program\n";
  Script("chmod", "exec /bin/chmod 600 $2");
  Start(FencedCommand(ThisPlatform().uname, image, Place()), image,
        std::make_unique<Images>(image));
  ASSERT_TRUE(RunUntil([this] { return stream_->ended(); }));
  EXPECT_EQ(bootstrap_->status().code(), core::Code::kFailedPrecondition);
  stream_->Close();
  EXPECT_EQ(WaitForEnd(), "exit status 1");
}

TEST_P(OddTargetTest, NamesAPlatformThatThereIsNoAgentFor) {
  Script("uname", "echo Plan9 \"$@\"");
  const std::string image = ReadFile(kAgent);
  Start(FencedCommand(ThisPlatform().uname, image, Place()), image,
        std::make_unique<Images>(image));
  ASSERT_TRUE(RunUntil([this] { return stream_->ended(); }));
  EXPECT_EQ(bootstrap_->status().message(),
            "no agent for the target's platform: Plan9 -sm");
  stream_->Close();
  EXPECT_EQ(WaitForEnd(), "exit status 1");
}

TEST_P(FirstStageTest, LeavesNothingWhenTheParentGoesInTheMiddleOfTheImage) {
  const std::string image = ReadFile(kAgent);
  Start(FencedCommand(ThisPlatform().uname, image + std::string(1000, 'x'),
                      Place()),
        image, std::make_unique<Images>(image));
  // The shell waits for the last bytes now.
  ASSERT_TRUE(RunUntil([&] {
    return stats_.bootstrap_bytes_sent == image.size() &&
           access((Place() + "/.ramet-" + nonce_).c_str(), F_OK) == 0;
  }));
  stream_->Close();
  EXPECT_NE(WaitForEnd(), "exit status 0");
  ExpectNothingLeft();
}

}  // namespace
}  // namespace ramet::parent
