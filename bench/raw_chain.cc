// raw_chain KIND RELAYS COUNT: how fast this machine can pass 100 bytes along
// at all. The processes of a call without anything that ramet does:
//
//   caller thread - loop thread - RELAYS processes - echo process, and back
//
// with nothing but epoll_wait, read and write. KIND is what is between them:
// `pipe`, a pair of pipes, as between a master and its local contexts, or
// `socket`, a socketpair. A unary call over N hops is to be compared with N
// relays: the agents pass it on, and the module answers. Prints samples as
// JSON.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "bench/samples.h"

namespace {

constexpr size_t kMessageBytes = 100;
constexpr int kMaxRelays = 64;
constexpr int kWarmUp = 500;

// What one side of a connection reads from and writes to; the same descriptor
// for a socket.
struct End {
  int read_fd;
  int write_fd;
};

struct Pair {
  End near;
  End far;
};

[[noreturn]] void Die(const char* what) {
  perror(what);
  exit(1);
}

Pair MakePair(const std::string& kind) {
  int fds[2];
  if (kind == "socket") {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
      Die("socketpair");
    }
    return {{fds[0], fds[0]}, {fds[1], fds[1]}};
  }
  int back[2];
  if (pipe(fds) != 0 || pipe(back) != 0) Die("pipe");
  return {{back[0], fds[1]}, {fds[0], back[1]}};
}

// Passes on what comes, from one end to the other both ways, until one is
// closed. The echo has one end and sends everything back.
class Relay {
 public:
  Relay() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

  void Add(int from, int to) {
    if (static_cast<int>(targets_.size()) <= from) targets_.resize(from + 1);
    targets_[from] = to;
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = from;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, from, &event) != 0) Die("epoll_ctl");
  }

  void Run() {
    char buffer[4096];
    for (;;) {
      epoll_event events[2];
      const int count = epoll_wait(epoll_, events, 2, -1);
      for (int i = 0; i < count; ++i) {
        const int from = events[i].data.fd;
        const ssize_t size = read(from, buffer, sizeof buffer);
        if (size <= 0 || write(targets_[from], buffer, size) != size) return;
      }
    }
  }

 private:
  const int epoll_;
  std::vector<int> targets_;  // by source
};

void Connect(Relay* relay, const End& above, const End& below) {
  relay->Add(above.read_fd, below.write_fd);
  relay->Add(below.read_fd, above.write_fd);
}

// A process that runs `relay`; returns its id.
pid_t StartProcess(const Pair& above, const Pair* below) {
  const pid_t pid = fork();
  if (pid < 0) Die("fork");
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Relay relay;
  if (below != nullptr) {
    Connect(&relay, above.far, below->near);
  } else {
    relay.Add(above.far.read_fd, above.far.write_fd);
  }
  relay.Run();
  _exit(0);
}

bool Exchange(const End& end) {
  char message[kMessageBytes];
  memset(message, 'x', sizeof message);
  if (write(end.write_fd, message, sizeof message) != sizeof message) {
    return false;
  }
  for (size_t got = 0; got < sizeof message;) {
    const ssize_t size = read(end.read_fd, message + got, sizeof message - got);
    if (size <= 0) return false;
    got += size;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc == 4 ? argv[1] : "";
  const int relays = argc == 4 ? atoi(argv[2]) : -1;
  const int count = argc == 4 ? atoi(argv[3]) : 0;
  if ((kind != "pipe" && kind != "socket") || relays < 0 ||
      relays > kMaxRelays || count < 1) {
    fprintf(stderr, "usage: raw_chain pipe|socket RELAYS(0..%d) COUNT\n",
            kMaxRelays);
    return 2;
  }
  std::vector<Pair> pairs;
  for (int i = 0; i <= relays; ++i) pairs.push_back(MakePair(kind));
  std::vector<pid_t> processes;
  for (int i = 0; i <= relays; ++i) {
    processes.push_back(
        StartProcess(pairs[i], i < relays ? &pairs[i + 1] : nullptr));
  }
  const Pair caller = MakePair(kind);
  std::thread loop([&] {
    Relay relay;
    Connect(&relay, caller.far, pairs[0].near);
    relay.Run();
  });
  ramet::bench::Samples samples(count);
  bool ok = true;
  for (int i = 0; ok && i < kWarmUp; ++i) ok = Exchange(caller.near);
  for (int i = 0; ok && i < count; ++i) {
    ok = samples.Time([&] { return Exchange(caller.near); });
  }
  // Every process holds all descriptors, so that none would see an end.
  for (pid_t pid : processes) kill(pid, SIGKILL);
  for (pid_t pid : processes) waitpid(pid, nullptr, 0);
  if (!ok) fputs("raw_chain: the chain broke\n", stderr);
  if (ok) printf("%s\n", samples.ToJson().c_str());
  fflush(stdout);
  // The loop's thread waits for ever.
  _exit(ok ? 0 : 1);
}
