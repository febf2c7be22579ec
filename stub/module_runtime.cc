#include "stub/module_runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/wire/call_parts.h"
#include "stub/status_bridge.h"

namespace ramet::stub {
namespace {

constexpr int kExitProtocolViolation = 1;

#if defined(__x86_64__)
constexpr char kPlatform[] = "linux-x86_64";
#elif defined(__aarch64__)
constexpr char kPlatform[] = "linux-aarch64";
#else
#error "no name for this platform"
#endif

// Other threads are at work, so that nothing may be destroyed.
[[noreturn]] void ExitAtOnce(int status) { _exit(status); }

[[noreturn]] __attribute__((format(printf, 1, 2))) void Violation(
    const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  dprintf(STDERR_FILENO, "ramet module: broken link: %s\n", text);
  ExitAtOnce(kExitProtocolViolation);
}

}  // namespace

ModuleRuntime::ModuleRuntime(core::UniqueFd link_fd, const MethodTable* methods,
                             const ModuleOptions& options)
    : link_fd_(std::move(link_fd)),
      methods_(methods),
      max_threads_(std::max(1, options.max_threads)),
      reader_(link_fd_.get()),
      writer_(link_fd_.get()) {}

void ModuleRuntime::Run() {
  const int fd = link_fd_.get();
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  // Programs that methods start have no business with the link.
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  Greet();
  StartEpoll();
  {
    std::unique_lock<std::mutex> lock(mutex_);
    // Frames may have come with the hello.
    ReadFrames();
    StartThread();
    ServeWaiting(&lock);
  }
  Work();
}

void ModuleRuntime::Greet() {
  core::FrameHeader header;
  std::string_view payload;
  for (;;) {
    switch (reader_.Next(&header, &payload)) {
      case FrameReader::NextResult::kFrame:
        return OnHello(header, payload);
      case FrameReader::NextResult::kMalformed:
        Violation("%s", reader_.problem());
      case FrameReader::NextResult::kNone:
        break;
    }
    pollfd readable = {link_fd_.get(), POLLIN, 0};
    poll(&readable, 1, -1);
    if (reader_.Read() == FrameReader::ReadResult::kEnd) ExitAtOnce(0);
  }
}

void ModuleRuntime::OnHello(const core::FrameHeader& header,
                            std::string_view payload) {
  core::Hello hello;
  if (header.handle != core::kHello || !core::ParseControl(payload, &hello) ||
      hello.ancestor_ids.empty()) {
    Violation("the first frame is no hello: %s", header.ToString().c_str());
  }
  own_id_ = hello.child_id;
  const size_t max_message_bytes = hello.max_message_bytes != 0
                                       ? hello.max_message_bytes
                                       : core::kDefaultMaxMessageBytes;
  calls_ = std::make_unique<CallTable>(max_message_bytes);
  replies_ =
      std::make_unique<ReplySender>(&writer_, own_id_, max_message_bytes);

  char hostname[256] = "";
  gethostname(hostname, sizeof hostname - 1);
  core::HelloReply reply;
  reply.version = core::kProtocolVersion;
  reply.platform = kPlatform;
  reply.hostname = hostname;
  reply.pid = static_cast<uint32_t>(getpid());
  reply.uid = geteuid();
  core::FrameHeader reply_header;
  reply_header.dst_id = hello.ancestor_ids.front();
  reply_header.src_id = own_id_;
  reply_header.auth_id = own_id_;
  reply_header.handle = core::kHello;
  if (!writer_.Write(reply_header, core::SerializeControl(reply))) {
    ExitAtOnce(0);
  }
  if (hello.version != core::kProtocolVersion) {
    Violation("the parent speaks protocol version %u, this module %u",
              hello.version, core::kProtocolVersion);
  }
}

void ModuleRuntime::StartEpoll() {
  epoll_fd_.Reset(epoll_create1(EPOLL_CLOEXEC));
  more_fd_.Reset(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  for (int fd : {link_fd_.get(), more_fd_.get()}) {
    epoll_event event = {};
    event.events = EPOLLONESHOT;
    event.data.fd = fd;
    if (epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      Violation("epoll: %s", strerror(errno));
    }
  }
}

void* ModuleRuntime::ThreadMain(void* runtime) {
  static_cast<ModuleRuntime*>(runtime)->Work();
}

void ModuleRuntime::Work() {
  for (;;) {
    epoll_event event;
    if (epoll_wait(epoll_fd_.get(), &event, 1, -1) != 1) continue;
    std::unique_lock<std::mutex> lock(mutex_);
    if (event.data.fd == link_fd_.get()) {
      // Nobody is there to read an answer.
      if (event.events & (EPOLLHUP | EPOLLERR)) ExitAtOnce(0);
      if (paused_) {
        // Armed for nothing but the peer's end.
        ExitAtOnce(0);
      }
      ReadFrames();
    }
    ServeWaiting(&lock);
  }
}

void ModuleRuntime::ReadFrames() {
  FrameReader::ReadResult read;
  do {
    read = reader_.Read();
    core::FrameHeader header;
    std::string_view payload;
    FrameReader::NextResult next;
    while ((next = reader_.Next(&header, &payload)) ==
           FrameReader::NextResult::kFrame) {
      OnFrame(header, payload);
    }
    if (next == FrameReader::NextResult::kMalformed) {
      Violation("%s", reader_.problem());
    }
    if (read == FrameReader::ReadResult::kEnd) ExitAtOnce(0);
  } while (read == FrameReader::ReadResult::kMore && waiting_.empty());
}

void ModuleRuntime::OnFrame(const core::FrameHeader& header,
                            std::string_view payload) {
  if (header.dst_id != own_id_) {
    Violation("a frame for another context than %u: %s", own_id_,
              header.ToString().c_str());
  }
  if (header.dead()) return;  // modules wait for nothing yet
  switch (header.handle) {
    case core::kCallFunction:
      if (ServedCall* call = calls_->OnFrame(header, payload)) {
        waiting_.push_back(call);
      }
      return;
    case core::kShutdown:
      draining_ = true;
      if (calls_->size() == 0 && running_ == 0) ExitAtOnce(0);
      return;
    case core::kPing: {
      if (header.reply_to == core::kNoHandle) return;
      core::FrameHeader reply;
      reply.dst_id = header.src_id;
      reply.src_id = own_id_;
      reply.auth_id = own_id_;
      reply.handle = header.reply_to;
      if (!writer_.Write(reply, payload)) ExitAtOnce(0);
      return;
    }
    default:
      Violation("a frame for a handle that modules do not have: %s",
                header.ToString().c_str());
  }
}

void ModuleRuntime::Arm(int fd, uint32_t events) {
  epoll_event event = {};
  event.events = events | EPOLLONESHOT;
  event.data.fd = fd;
  epoll_ctl(epoll_fd_.get(), EPOLL_CTL_MOD, fd, &event);
}

void ModuleRuntime::PassRole(std::unique_lock<std::mutex>* lock) {
  if (!waiting_.empty() && running_ < max_threads_) {
    lock->unlock();
    Arm(more_fd_.get(), EPOLLIN);
    return;
  }
  paused_ = waiting_.size() >= kMaxWaitingCalls;
  if (paused_) {
    // Under the lock, because a thread that ends the pause arms it anew.
    Arm(link_fd_.get(), EPOLLRDHUP);
    lock->unlock();
    return;
  }
  lock->unlock();
  Arm(link_fd_.get(), EPOLLIN);
}

void ModuleRuntime::StartThread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  // Without another thread calls take turns, which is no reason to fail.
  if (pthread_create(&thread, &attributes, &ThreadMain, this) == 0) ++threads_;
  pthread_attr_destroy(&attributes);
}

void ModuleRuntime::ServeWaiting(std::unique_lock<std::mutex>* lock) {
  bool has_role = true;
  while (!waiting_.empty() && running_ < max_threads_) {
    ServedCall* call = waiting_.front();
    waiting_.pop_front();
    ++running_;
    if (has_role) {
      // Somebody must stay to read the link, and to serve the next call.
      if (running_ == threads_) StartThread();
      PassRole(lock);
      has_role = false;
    } else {
      lock->unlock();
    }
    ServeOne(call, lock);
    --running_;
    if (paused_ && waiting_.size() < kMaxWaitingCalls / 2) {
      paused_ = false;
      Arm(link_fd_.get(), EPOLLIN);
    }
  }
  if (has_role) PassRole(lock);
}

void ModuleRuntime::ServeOne(ServedCall* call,
                             std::unique_lock<std::mutex>* lock) {
  std::string reply;
  absl::Status status = Serve(*call, &reply);
  lock->lock();
  std::unique_ptr<ServedCall> over = calls_->Remove(*call);
  lock->unlock();
  if (!replies_->Send(over->caller_id(), over->reply_to(), status, reply)) {
    ExitAtOnce(0);
  }
  over.reset();
  lock->lock();
  // The agent sends no more calls; others' answers are out when nobody runs.
  if (draining_ && calls_->size() == 0 && running_ == 1) ExitAtOnce(0);
}

absl::Status ModuleRuntime::Serve(const ServedCall& call, std::string* reply) {
  if (!call.refusal().ok()) return ToAbslStatus(call.refusal());
  const CallContext& context = call.context();
  const MethodTable::Method* method = methods_->Find(context.method());
  if (method == nullptr) return methods_->Unknown(context.method());
  // All threads were busy for too long.
  if (context.is_cancelled()) {
    return context.deadline_passed()
               ? absl::DeadlineExceededError(
                     "deadline passed before the module had time for the call")
               : absl::CancelledError("the caller cancelled");
  }
  return method->service->RametCall(method->index, context, call.request(),
                                    reply);
}

}  // namespace ramet::stub
