// The system calls that an agent makes, under libc's names. musl's do more:
// they serve threads, cancellation and kernels before 3.17.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/libc/vdso.h"
#include "agent/unpacker/syscall.h"

using ramet::unpacker::Syscall;

// From what the kernel answers to what libc does. vfork.S calls it, too.
extern "C" __attribute__((noinline, used)) long Answer(long result) {
  constexpr long kMaxErrno = 4095;
  if (result >= 0 || result < -kMaxErrno) return result;
  errno = static_cast<int>(-result);
  return -1;
}

namespace {

// Of a signal set, what the kernel knows: signals 1 to 64.
constexpr size_t kSignalSetBytes = 8;

template <typename... Arguments>
int Call(long number, Arguments... arguments) {
  return static_cast<int>(Answer(Syscall(number, arguments...)));
}

// No place for an answer, no mask. nullptr itself can't be passed.
constexpr void* kNone = nullptr;

uint64_t* Bits(sigset_t* set) { return reinterpret_cast<uint64_t*>(set); }

}  // namespace

extern "C" {

int* __errno_location() {
  static int number;  // one thread
  return &number;
}

long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  return Answer(Syscall(number, arguments[0], arguments[1], arguments[2],
                        arguments[3], arguments[4], arguments[5]));
}

// Files and descriptors.
int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = va_arg(list, mode_t);
  va_end(list);
  return openat(AT_FDCWD, path, flags, mode);
}
int openat(int directory, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = va_arg(list, mode_t);
  va_end(list);
  return Call(SYS_openat, directory, path, flags, mode);
}
int close(int fd) { return Call(SYS_close, fd); }
ssize_t read(int fd, void* buffer, size_t bytes) {
  return Answer(Syscall(SYS_read, fd, buffer, bytes));
}
ssize_t write(int fd, const void* buffer, size_t bytes) {
  return Answer(Syscall(SYS_write, fd, buffer, bytes));
}
ssize_t pread(int fd, void* buffer, size_t bytes, off_t offset) {
  return Answer(Syscall(SYS_pread64, fd, buffer, bytes, offset));
}
off_t lseek(int fd, off_t offset, int whence) {
  return Answer(Syscall(SYS_lseek, fd, offset, whence));
}
int fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  const long argument = va_arg(list, long);
  va_end(list);
  return Call(SYS_fcntl, fd, command, argument);
}
int dup2(int fd, int other) {
  // dup3 refuses what dup2 takes for done.
  if (fd == other) return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
  return Call(SYS_dup3, fd, other, 0);
}
int pipe2(int fds[2], int flags) { return Call(SYS_pipe2, fds, flags); }
int socketpair(int domain, int type, int protocol, int fds[2]) {
  return Call(SYS_socketpair, domain, type, protocol, fds);
}
int fstat(int fd, struct stat* info) { return Call(SYS_fstat, fd, info); }
int fstatat(int directory, const char* name, struct stat* info, int flags) {
  return Call(SYS_newfstatat, directory, name, info, flags);
}
int access(const char* path, int mode) {
  return Call(SYS_faccessat, AT_FDCWD, path, mode);
}
int chdir(const char* path) { return Call(SYS_chdir, path); }
int mkdir(const char* path, mode_t mode) {
  return Call(SYS_mkdirat, AT_FDCWD, path, mode);
}
int renameat(int from, const char* name, int to, const char* other) {
#if defined(SYS_renameat)
  return Call(SYS_renameat, from, name, to, other);
#else
  return Call(SYS_renameat2, from, name, to, other, 0);
#endif
}
int unlinkat(int directory, const char* name, int flags) {
  return Call(SYS_unlinkat, directory, name, flags);
}
mode_t umask(mode_t mask) { return Call(SYS_umask, mask); }
int memfd_create(const char* name, unsigned flags) {
  return Call(SYS_memfd_create, name, flags);
}
int posix_fallocate(int fd, off_t offset, off_t bytes) {
  return static_cast<int>(-Syscall(SYS_fallocate, fd, 0, offset, bytes));
}

// Waiting for them.
int epoll_create1(int flags) { return Call(SYS_epoll_create1, flags); }
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  return Call(SYS_epoll_ctl, epoll, operation, fd, event);
}
int epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) {
  return Call(SYS_epoll_pwait, epoll, events, count, timeout_ms, kNone,
              kSignalSetBytes);
}
int eventfd(unsigned count, int flags) {
  return Call(SYS_eventfd2, count, flags);
}

// Memory.
void* mmap(void* address, size_t bytes, int protection, int flags, int fd,
           off_t offset) {
  return reinterpret_cast<void*>(
      Answer(Syscall(SYS_mmap, address, bytes, protection, flags, fd, offset)));
}
int munmap(void* address, size_t bytes) {
  return Call(SYS_munmap, address, bytes);
}
int madvise(void* address, size_t bytes, int advice) {
  return Call(SYS_madvise, address, bytes, advice);
}

// Processes.
pid_t getpid() { return Call(SYS_getpid); }
pid_t getppid() { return Call(SYS_getppid); }
uid_t getuid() { return Call(SYS_getuid); }
uid_t geteuid() { return Call(SYS_geteuid); }
pid_t setsid() { return Call(SYS_setsid); }
int execve(const char* path, char* const* argv, char* const* environment) {
  return Call(SYS_execve, path, argv, environment);
}
[[noreturn]] void _exit(int status) {
  for (;;) Syscall(SYS_exit_group, status);
}
pid_t waitpid(pid_t pid, int* status, int options) {
  return Call(SYS_wait4, pid, status, options, kNone);
}
int waitid(idtype_t type, id_t id, siginfo_t* info, int options) {
  return Call(SYS_waitid, type, id, info, options, kNone);
}
int prctl(int option, ...) {
  va_list list;
  va_start(list, option);
  const long argument = va_arg(list, long);
  va_end(list);
  return Call(SYS_prctl, option, argument, 0L, 0L, 0L);
}
int prlimit(pid_t pid, int resource, const rlimit* limit, rlimit* before) {
  return Call(SYS_prlimit64, pid, resource, limit, before);
}
int gethostname(char* name, size_t bytes) {
  utsname names;
  const int result = Call(SYS_uname, &names);
  if (result == 0) {
    memcpy(name, names.nodename,
           bytes < sizeof names.nodename ? bytes : sizeof names.nodename);
  }
  return result;
}
int uname(utsname* names) { return Call(SYS_uname, names); }

// Signals.
int kill(pid_t pid, int signal) { return Call(SYS_kill, pid, signal); }
[[noreturn]] void abort() {
  kill(getpid(), SIGABRT);
  __builtin_trap();
}
sighandler_t signal(int number, sighandler_t handler) {
  // A handler of our own would have to return; there is none.
  const struct {
    sighandler_t handler;
    unsigned long flags;
    void (*restorer)();
    uint64_t mask;
  } action = {handler, 0, nullptr, 0};
  return Call(SYS_rt_sigaction, number, &action, kNone, kSignalSetBytes) == 0
             ? SIG_DFL
             : SIG_ERR;
}
int sigemptyset(sigset_t* set) {
  *Bits(set) = 0;
  return 0;
}
int sigfillset(sigset_t* set) {
  *Bits(set) = UINT64_MAX;
  return 0;
}
int sigaddset(sigset_t* set, int number) {
  *Bits(set) |= uint64_t{1} << (number - 1);
  return 0;
}
int sigprocmask(int how, const sigset_t* set, sigset_t* before) {
  return Call(SYS_rt_sigprocmask, how, set, before, kSignalSetBytes);
}
int pthread_sigmask(int how, const sigset_t* set, sigset_t* before) {
  return sigprocmask(how, set, before);
}
int signalfd(int fd, const sigset_t* set, int flags) {
  return Call(SYS_signalfd4, fd, set, kSignalSetBytes, flags);
}
unsigned alarm(unsigned seconds) {
  const itimerval value = {{0, 0}, {static_cast<time_t>(seconds), 0}};
  Syscall(SYS_setitimer, ITIMER_REAL, &value, kNone);
  return 0;
}

// Others.
ssize_t getrandom(void* buffer, size_t bytes, unsigned flags) {
  return Answer(Syscall(SYS_getrandom, buffer, bytes, flags));
}
int clock_gettime(clockid_t clock, timespec* time) {
  const ramet::agent::VdsoClock vdso = ramet::agent::vdso_clock;
  if (vdso != nullptr && vdso(clock, time) == 0) return 0;
  return Call(SYS_clock_gettime, clock, time);
}

time_t time(time_t* seconds) {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds != nullptr) *seconds = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
