#include "core/base/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

#include "core/base/strings.h"
#include "core/base/unique_fd.h"

namespace ramet::core {
namespace {

constexpr char kDefaultPath[] = "/usr/local/bin:/usr/bin:/bin";
constexpr int kExecFailedStatus = 127;
constexpr int kSignals = 64;
// The kernel's struct sigaction, all zero: SIG_DFL, no flags, empty mask.
constexpr long kDefaultAction[8] = {};  // NOLINT: the size is the kernel's
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

// All that the child needs, prepared before vfork: it shares this process's
// memory, so it may neither allocate nor lock, only call the kernel.
struct Plan {
  std::vector<char*> argv;
  std::vector<char*> environment;
  std::vector<int> fds;
  std::string path;        // of the program, when image_fd is -1
  std::string image_path;  // of image_fd, for kernels without execveat
  int image_fd = -1;
  pid_t parent = 0;
  bool die_with_parent = false;
  bool clean = false;
  uint64_t max_data_bytes = 0;
  // Written by the child, read by the parent.
  const char* volatile failed_step = nullptr;
  volatile int error = 0;
};

bool IsExecutableFile(const std::string& path) {
  return access(path.c_str(), X_OK) == 0 &&
         access((path + "/.").c_str(), F_OK) != 0;  // not a folder
}

// As execvp(3) finds it; empty when there is none.
std::string FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* variable = getenv("PATH");
  std::string_view path = variable != nullptr ? variable : kDefaultPath;
  for (;;) {
    const size_t colon = path.find(':');
    std::string candidate(path.substr(0, colon));
    if (candidate.empty()) candidate = ".";
    candidate += '/';
    candidate += name;
    if (IsExecutableFile(candidate)) return candidate;
    if (colon == std::string_view::npos) return std::string();
    path.remove_prefix(colon + 1);
  }
}

void MergeEnvironment(const SpawnOptions& options, std::vector<char*>* merged) {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    bool kept = !options.clean;
    for (const std::string& variable : options.environment) {
      const size_t name = strcspn(variable.c_str(), "=");
      if (strncmp(variable.c_str(), *entry, name) == 0 &&
          (*entry)[name] == '=') {
        kept = name == variable.size();
      }
    }
    if (kept) merged->push_back(*entry);
  }
  for (const std::string& variable : options.environment) {
    if (variable.find('=') == std::string::npos) continue;
    merged->push_back(const_cast<char*>(variable.c_str()));
  }
  merged->push_back(nullptr);
}

[[noreturn]] void Fail(Plan* plan, const char* step) {
  plan->error = errno;
  plan->failed_step = step;
  _exit(kExecFailedStatus);
}

// Out of the way of the descriptors 0..n-1 that will be filled.
void MoveUp(Plan* plan, int* fd) {
  const int count = static_cast<int>(plan->fds.size());
  if (*fd < 0 || *fd >= count) return;
  *fd = fcntl(*fd, F_DUPFD_CLOEXEC, count);
  if (*fd < 0) Fail(plan, "cannot duplicate a descriptor");
}

void MapDescriptors(Plan* plan) {
  for (int& source : plan->fds) MoveUp(plan, &source);
  for (size_t i = 0; i < plan->fds.size(); ++i) {
    const int target = static_cast<int>(i);
    if (plan->fds[i] >= 0) {
      if (dup2(plan->fds[i], target) < 0) Fail(plan, "cannot set descriptors");
      continue;
    }
    const int null = open("/dev/null", O_RDWR);
    if (null < 0) Fail(plan, "cannot open /dev/null");
    if (null != target) {
      if (dup2(null, target) < 0) Fail(plan, "cannot set descriptors");
      close(null);
    }
  }
}

void ExecuteImage(Plan* plan) {
  char* const* argv = plan->argv.data();
  char* const* environment = plan->environment.data();
  syscall(SYS_execveat, plan->image_fd, "", argv, environment, AT_EMPTY_PATH);
  if (errno == ENOENT) {
    // A script: its interpreter opens the image by number.
    fcntl(plan->image_fd, F_SETFD, 0);
    syscall(SYS_execveat, plan->image_fd, "", argv, environment, AT_EMPTY_PATH);
  }
  if (errno == ENOSYS) {
    execve(plan->image_path.c_str(), argv, environment);
  }
}

[[noreturn]] void RunChild(Plan* plan) {
  if (plan->die_with_parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
      Fail(plan, "cannot ask for the parent's death signal");
    }
    // 0: the parent is outside of this process's pid namespace.
    const pid_t parent = getppid();
    if (parent != plan->parent && parent != 0) _exit(kExecFailedStatus);
  }
  setsid();
  if (plan->clean) {
    umask(022);
    (void)!chdir("/");
  }
  if (plan->max_data_bytes != 0) {
    // Refused when a lower limit is there already, which then stays.
    const rlimit limit{plan->max_data_bytes, plan->max_data_bytes};
    prlimit(0, RLIMIT_DATA, &limit, nullptr);
  }
  // Not sigaction(3), which leaves out the signals that libc keeps for itself.
  for (int number = 1; number <= kSignals; ++number) {
    syscall(SYS_rt_sigaction, number, kDefaultAction, nullptr,
            kSignals / CHAR_BIT);
  }
  MapDescriptors(plan);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan->image_fd >= 0) {
    ExecuteImage(plan);
  } else {
    execve(plan->path.c_str(), plan->argv.data(), plan->environment.data());
  }
  Fail(plan, "cannot execute");
}

// A function of its own, so that no variable of its caller lives in a register
// that the child could change.
__attribute__((noinline)) pid_t VforkAndRun(Plan* plan) {
  const pid_t pid = vfork();
  if (pid == 0) RunChild(plan);
  return pid;
}

}  // namespace

Status Spawn(const SpawnOptions& options, pid_t* pid) {
  if (options.argv.empty()) {
    return Status(Code::kInvalidArgument, "cannot start a program: no name");
  }
  const std::string what = Concat({"cannot start ", options.argv[0], ": "});
  Plan plan;
  UniqueFd image;
  if (options.image_fd < 0) {
    plan.path = FindProgram(options.argv[0]);
    if (plan.path.empty()) {
      return Error(Code::kUnavailable, {what, "not found in PATH"});
    }
  } else {
    // Also out of the way, but before its number is written into a path.
    image.Reset(fcntl(options.image_fd, F_DUPFD_CLOEXEC,
                      static_cast<int>(options.fds.size())));
    if (!image.valid()) {
      return Error(Code::kUnavailable, {what, strerror(errno)});
    }
    plan.image_fd = image.get();
    plan.image_path = Concat({"/proc/self/fd/", plan.image_fd});
  }
  for (const std::string& argument : options.argv) {
    plan.argv.push_back(const_cast<char*>(argument.c_str()));
  }
  plan.argv.push_back(nullptr);
  MergeEnvironment(options, &plan.environment);
  plan.fds = options.fds;
  plan.parent = getpid();
  plan.die_with_parent = options.die_with_parent;
  plan.clean = options.clean;
  plan.max_data_bytes = options.max_data_bytes;

  // No handler of this process may run in the child, on shared memory.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = VforkAndRun(&plan);
  const int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);

  if (child < 0) {
    return Error(Code::kUnavailable,
                 {what, "cannot fork: ", strerror(fork_error)});
  }
  if (plan.failed_step != nullptr) {
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    const char* const step = plan.failed_step;
    return Error(Code::kUnavailable, {what, step, ": ", strerror(plan.error)});
  }
  *pid = child;
  return Status();
}

std::string DescribeWaitStatus(int wait_status) {
  if (WIFEXITED(wait_status)) {
    return Concat({"exit status ", WEXITSTATUS(wait_status)});
  }
  // By number, from 1, as Linux has them on x86, ARM and RISC-V (signal(7)).
  static constexpr char kNames[][7] = {
      "HUP",  "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",  "FPE",
      "KILL", "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM", "STKFLT",
      "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",  "XCPU",
      "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS",
  };
  const int number = WTERMSIG(wait_status);
  const bool known =
      number > 0 && number <= static_cast<int>(sizeof kNames / 7);
  return Concat(
      {"killed by signal ", number,
       known ? Concat({" (SIG", kNames[number - 1], ")"}) : std::string()});
}

void KillGroupAndReap(pid_t pid) {
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace ramet::core
