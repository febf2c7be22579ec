#include "server/ssh/user_prompter.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "server/ssh/testing/temp_dir.h"

namespace ramet::server {
namespace {

using testing::TempDir;

struct Answer {
  bool came = false;
  bool given = false;
  std::string text;
};

class UserPrompterTest : public ::testing::Test {
 protected:
  std::unique_ptr<Prompter::Pending> Ask(UserPrompter* prompter,
                                         const std::string& question,
                                         Answer* answer) {
    Prompter::Question asked;
    asked.text = question;
    return prompter->Ask(&loop_, asked,
                         [answer](bool given, const std::string& text) {
                           *answer = {true, given, text};
                         });
  }
  void RunUntil(const Answer& answer) {
    const int64_t limit = loop_.NowUs() + 20'000'000;
    while (!answer.came && loop_.NowUs() < limit) loop_.RunOnce(50'000);
    EXPECT_TRUE(answer.came);
  }
  std::string Program(const std::string& script) {
    return dir_.Write("askpass", "#!/bin/sh\n" + script + "\n", 0700);
  }

  TempDir dir_;
  core::EventLoop loop_;
};

TEST_F(UserPrompterTest, AsksThroughAProgram) {
  UserPrompter prompter(UserPrompter::Way::kAskpass,
                        Program("printf 'to %s\\nmore\\n' \"$1\""));
  EXPECT_TRUE(prompter.available());
  Answer answer;
  auto pending = Ask(&prompter, "what is it? ", &answer);
  RunUntil(answer);
  EXPECT_TRUE(answer.given);
  EXPECT_EQ(answer.text, "to what is it? ");
}

TEST_F(UserPrompterTest, AProgramThatFailsGivesNothing) {
  for (const std::string& program :
       {Program("echo x; exit 1"), dir_.File("missing")}) {
    UserPrompter prompter(UserPrompter::Way::kAskpass, program);
    Answer answer;
    auto pending = Ask(&prompter, "?", &answer);
    RunUntil(answer);
    EXPECT_FALSE(answer.given);
  }
}

TEST_F(UserPrompterTest, AsksOneQuestionAtATime) {
  UserPrompter prompter(
      UserPrompter::Way::kAskpass,
      Program("mkdir " + dir_.File("lock") + " || exit 1; sleep 0.1; rmdir " +
              dir_.File("lock") + "; echo \"$1\""));
  Answer answers[3];
  std::vector<std::unique_ptr<Prompter::Pending>> pending;
  for (int i = 0; i < 3; ++i) {
    pending.push_back(Ask(&prompter, std::to_string(i), &answers[i]));
  }
  for (int i = 0; i < 3; ++i) {
    RunUntil(answers[i]);
    EXPECT_TRUE(answers[i].given);
    EXPECT_EQ(answers[i].text, std::to_string(i));
  }
}

TEST_F(UserPrompterTest, AWithdrawnQuestionMakesRoomForTheNext) {
  UserPrompter prompter(
      UserPrompter::Way::kAskpass,
      Program("case $1 in stay) exec sleep 100;; esac; echo \"$1\""));
  Answer stays;
  Answer next;
  auto first = Ask(&prompter, "stay", &stays);
  auto second = Ask(&prompter, "next", &next);
  loop_.RunOnce(10'000);
  first.reset();
  RunUntil(next);
  EXPECT_EQ(next.text, "next");
  EXPECT_FALSE(stays.came);
}

TEST_F(UserPrompterTest, NobodyCanBeAskedWithoutAWay) {
  UserPrompter prompter(UserPrompter::Way::kNone, "");
  EXPECT_FALSE(prompter.available());
}

// Runs `body` in a child that has a new terminal, types `keys` once the prompt
// is there, and gives all that the terminal showed.
std::string OnTerminal(const std::string& keys, int (*body)(),
                       int* wait_status) {
  int master = -1;
  const pid_t pid = forkpty(&master, nullptr, nullptr, nullptr);
  if (pid == 0) _exit(body());
  std::string shown;
  char buffer[1024];
  bool typed = false;
  ssize_t count;
  while ((count = read(master, buffer, sizeof buffer)) > 0) {
    shown.append(buffer, count);
    if (!typed && shown.find("secret? ") != std::string::npos) {
      typed = true;
      EXPECT_EQ(write(master, keys.data(), keys.size()),
                static_cast<ssize_t>(keys.size()));
    }
  }
  close(master);
  EXPECT_EQ(waitpid(pid, wait_status, 0), pid);
  return shown;
}

int AskForSecret() {
  core::EventLoop loop;
  UserPrompter prompter(UserPrompter::Way::kTerminal, "");
  Answer answer;
  Prompter::Question question;
  question.text = "secret? ";
  auto pending = prompter.Ask(&loop, question,
                              [&answer](bool given, const std::string& text) {
                                answer = {true, given, text};
                              });
  while (!answer.came) loop.RunOnce(100'000);
  dprintf(1, "given=%d length=%zu\n", answer.given, answer.text.size());
  termios now;
  tcgetattr(0, &now);
  return (now.c_lflag & (ECHO | ISIG)) == (ECHO | ISIG) ? 0 : 1;
}

TEST(TerminalQuestionTest, ReadsALineWithoutShowingIt) {
  int status = -1;
  const std::string shown = OnTerminal("hunter2\n", &AskForSecret, &status);
  EXPECT_EQ(status, 0) << "the terminal was not restored";
  EXPECT_NE(shown.find("given=1 length=7"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("hunter2"), std::string::npos) << shown;
}

TEST(TerminalQuestionTest, EndOfInputIsNoAnswer) {
  int status = -1;
  const std::string shown = OnTerminal("\x04", &AskForSecret, &status);
  EXPECT_EQ(status, 0);
  EXPECT_NE(shown.find("given=0"), std::string::npos) << shown;
}

TEST(TerminalQuestionTest, InterruptEndsTheProgramWithTheTerminalRestored) {
  int status = -1;
  OnTerminal("par\x03", &AskForSecret, &status);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
}

}  // namespace
}  // namespace ramet::server
