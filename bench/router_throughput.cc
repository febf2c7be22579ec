// router_throughput HOP BYTES COUNT WINDOW: how much passes through one relay
// hop, both ways at once:
//
//   source - HOP - echo, and back
//
// Three processes over pairs of pipes, with COUNT frames of BYTES of payload,
// WINDOW of them under way. HOP is what is in the middle: `router`, the context
// of an agent, which verifies and routes each frame; `bytes`, a process that
// only reads and writes; `none`, nothing. Source and echo are contexts in any
// case. Prints frames and payload per second, one way (as much goes the other).
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "core/base/unique_fd.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/loop/fd_stream.h"
#include "core/route/handle_table.h"

namespace {

using ramet::core::Context;
using ramet::core::ContextId;
using ramet::core::EventLoop;
using ramet::core::FdStream;
using ramet::core::FrameHeader;
using ramet::core::ReplyHandler;
using ramet::core::Status;
using ramet::core::UniqueFd;

constexpr ContextId kSource = 0;
constexpr ContextId kHop = 1;
constexpr ContextId kEcho = 2;
constexpr int kPipeBytes = 1 << 20;  // as of a link that has got busy

[[noreturn]] void Die(const char* what) {
  fprintf(stderr, "router_throughput: %s\n", what);
  exit(1);
}

// One side of a connection.
struct End {
  UniqueFd from;
  UniqueFd to;
};

struct Pair {
  Pair() {
    int down[2];
    int up[2];
    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) Die("pipe");
    fcntl(down[0], F_SETPIPE_SZ, kPipeBytes);
    fcntl(up[0], F_SETPIPE_SZ, kPipeBytes);
    above.from.Reset(up[0]);
    above.to.Reset(down[1]);
    below.from.Reset(down[0]);
    below.to.Reset(up[1]);
  }
  End above;
  End below;
};

std::unique_ptr<FdStream> Stream(EventLoop* loop, End end) {
  return std::make_unique<FdStream>(loop, std::move(end.from),
                                    std::move(end.to));
}

// Runs `body` in a process of its own, which keeps only the ends that it took.
template <typename Body>
void Fork(Body body) {
  const pid_t pid = fork();
  if (pid < 0) Die("fork");
  if (pid > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  body();
  _exit(0);
}

void RunRouter(End above, End below) {
  EventLoop loop;
  Context context(&loop);
  context.router().SetSelf(kHop, "hop");
  context.SetAncestors({kSource});
  context.router().AddParent(Stream(&loop, std::move(above)), kSource);
  context.router().AddChild(Stream(&loop, std::move(below)), kEcho, "echo");
  loop.RunAfter(0, [&context] { context.router().Announce(kEcho); });
  loop.Run();
}

void RunBytes(End above, End below) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const int ways[2][2] = {{above.from.get(), below.to.get()},
                          {below.from.get(), above.to.get()}};
  for (uint32_t way = 0; way < 2; ++way) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u32 = way;
    epoll_ctl(epoll, EPOLL_CTL_ADD, ways[way][0], &event);
  }
  std::string buffer(256 * 1024, '\0');
  for (;;) {
    epoll_event events[2];
    const int count = epoll_wait(epoll, events, 2, -1);
    for (int i = 0; i < count; ++i) {
      const int* const way = ways[events[i].data.u32];
      const ssize_t got = read(way[0], buffer.data(), buffer.size());
      if (got <= 0) return;
      for (ssize_t done = 0; done < got;) {
        const ssize_t put = write(way[1], buffer.data() + done, got - done);
        if (put <= 0) return;
        done += put;
      }
    }
  }
}

// A context answers PING with what it was sent.
void RunEcho(End above, ContextId parent) {
  EventLoop loop;
  Context context(&loop);
  context.router().SetSelf(kEcho, "echo");
  context.SetAncestors({parent});
  context.router().AddParent(Stream(&loop, std::move(above)), parent);
  loop.Run();
}

// Sends PINGs and counts what comes back.
class Source final : public ReplyHandler {
 public:
  Source(End below, ContextId child, size_t bytes, int count, int window)
      : context_(&loop_), payload_(bytes, 'x'), count_(count) {
    context_.router().SetSelf(kSource, "source");
    ramet::core::Link* const link = context_.router().AddChild(
        Stream(&loop_, std::move(below)), child, "child");
    context_.router().RecordGrant(link, child, 2);
    header_.dst_id = kEcho;
    header_.handle = ramet::core::kPing;
    header_.reply_to = context_.handles().Add(kEcho, this);
    // Only a loop that runs writes.
    loop_.RunAfter(0, [this, window] { WaitForRoute(window); });
  }

  void Run() {
    loop_.Run();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_)
            .count();
    printf("{\"frames_per_s\": %.0f, \"megabytes_per_s\": %.1f}\n",
           count_ / seconds, 1e-6 * count_ * payload_.size() / seconds);
  }

 private:
  // The hop announces it.
  void WaitForRoute(int window) {
    if (!context_.router().HasRoute(kEcho)) {
      loop_.RunAfter(1000, [this, window] { WaitForRoute(window); });
      return;
    }
    begin_ = std::chrono::steady_clock::now();
    for (int i = 0; i < window && sent_ < count_; ++i) SendOne();
  }

  void SendOne() {
    ++sent_;
    context_.router().Send(header_, payload_);
  }

  void OnReply(const FrameHeader&, std::string_view payload) override {
    if (payload.size() != payload_.size()) Die("a wrong answer");
    if (sent_ < count_) SendOne();
    if (++answered_ == count_) loop_.Stop();
  }
  void OnDead(const Status& why) override { Die(why.message().c_str()); }

  EventLoop loop_;
  Context context_;
  const std::string payload_;
  const int count_;
  FrameHeader header_;
  int sent_ = 0;
  int answered_ = 0;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string hop = argc == 5 ? argv[1] : "";
  const int bytes = argc == 5 ? atoi(argv[2]) : -1;
  const int count = argc == 5 ? atoi(argv[3]) : 0;
  const int window = argc == 5 ? atoi(argv[4]) : 0;
  if ((hop != "router" && hop != "bytes" && hop != "none") || bytes < 0 ||
      bytes > 65536 || count < 1 || window < 1) {
    fputs("usage: router_throughput router|bytes|none BYTES COUNT WINDOW\n",
          stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  Pair near;
  if (hop == "none") {
    Fork([&] {
      near.above = End();
      RunEcho(std::move(near.below), kSource);
    });
  } else {
    Pair far;
    Fork([&] {
      near.above = End();
      far.below = End();
      if (hop == "router") {
        RunRouter(std::move(near.below), std::move(far.above));
      } else {
        RunBytes(std::move(near.below), std::move(far.above));
      }
    });
    Fork([&] {
      near.above = End();
      near.below = End();
      far.above = End();
      RunEcho(std::move(far.below), hop == "router" ? kHop : kSource);
    });
  }
  near.below = End();
  Source(std::move(near.above), hop == "router" ? kHop : kEcho, bytes, count,
         window)
      .Run();
  return 0;
}
