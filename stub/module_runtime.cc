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

#include "absl/time/clock.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"

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
      options_(options),
      max_threads_(std::max(1, options.max_threads)),
      reader_(link_fd_.get()),
      writer_(link_fd_.get(), [this] { WatchWritable(); }),
      caller_(&writer_) {}

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
    TellCancelled(&lock);
    TellAnswered(&lock);
    ServeWaiting(&lock, /*has_role=*/true);
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
  caller_.SetPlace(own_id_, hello.ancestor_ids);
  CallTable::Options options;
  options.own_id = own_id_;
  options.ancestor_ids = hello.ancestor_ids;
  if (options_.max_message_bytes != 0) {
    options.max_message_bytes = options_.max_message_bytes;
  } else if (hello.max_message_bytes != 0) {
    options.max_message_bytes = hello.max_message_bytes;
  }
  calls_ = std::make_unique<CallTable>(std::move(options), methods_,
                                       static_cast<CallPort*>(this));

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
  // epoll knows one interest of a descriptor, and reading has that of the link.
  writable_fd_.Reset(fcntl(link_fd_.get(), F_DUPFD_CLOEXEC, 0));
  for (int fd : {link_fd_.get(), more_fd_.get(), deadlines_.fd(),
                 caller_.timer_fd(), caller_.wake_fd()}) {
    const bool armed = fd == deadlines_.fd() || fd == caller_.timer_fd() ||
                       fd == caller_.wake_fd();
    epoll_event event = {};
    event.events = EPOLLONESHOT;
    if (armed) event.events |= EPOLLIN;
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
    const int fd = event.data.fd;
    if (fd == caller_.timer_fd() || fd == caller_.wake_fd()) {
      if (fd == caller_.timer_fd()) {
        caller_.OnTimer();
      } else {
        caller_.OnWake();
      }
      Arm(fd, EPOLLIN);
      continue;
    }
    Lock lock(mutex_);
    if (fd == link_fd_.get() || fd == writable_fd_.get()) {
      // Nobody is there to read an answer.
      if (event.events & (EPOLLHUP | EPOLLERR)) ExitAtOnce(0);
    }
    if (fd == writable_fd_.get()) {
      // Before it is tried, which may watch it again.
      epoll_ctl(epoll_fd_.get(), EPOLL_CTL_DEL, fd, nullptr);
      writer_.OnWritable();
      if (!paused_) continue;
      // The role was kept, and is passed on now; or the pause goes on.
    } else if (fd == deadlines_.fd()) {
      OnTimer();
      Arm(fd, EPOLLIN);
      TellCancelled(&lock);
      // It may have been the turn of the next of a chain.
      ServeWaiting(&lock, /*has_role=*/false);
      continue;
    } else if (fd == link_fd_.get()) {
      ReadFrames();
      TellCancelled(&lock);
      TellAnswered(&lock);
    }
    ServeWaiting(&lock, /*has_role=*/true);
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
  if (header.handle >= core::kFirstDynamicHandle) {
    if (caller_.OnFrame(header, payload)) answered_ = true;
    return;
  }
  if (header.dead()) return;
  switch (header.handle) {
    case core::kCallFunction:
      return OnCallFrame(header, payload);
    case core::kShutdown:
      draining_ = true;
      return ExitIfDrained();
    case core::kPing: {
      if (header.reply_to == core::kNoHandle) return;
      core::FrameHeader reply;
      reply.dst_id = header.src_id;
      reply.src_id = own_id_;
      reply.auth_id = own_id_;
      reply.handle = header.reply_to;
      std::string frame;
      AppendFrame(reply, payload, &frame);
      return writer_.ForceQueue(frame);
    }
    default:
      Violation("a frame for a handle that modules do not have: %s",
                header.ToString().c_str());
  }
}

void ModuleRuntime::OnCallFrame(const core::FrameHeader& header,
                                std::string_view payload) {
  ServedCall::Fed fed;
  const CallPtr call = calls_->OnFrame(header, payload, &fed);
  if (call == nullptr) return;
  if (fed.opened) {
    deadlines_.Add(call->context().deadline(), call->key());
    if (call->chained()) {
      const absl::Status status = chains_.Add(call);
      if (!status.ok()) return AbortCall(call, status);
    }
  }
  if (fed.over || fed.has_frames) ForceFrames(call);
  if (fed.over) OnAborted(call);
  if (fed.start && !fed.over) StartCall(call);
}

void ModuleRuntime::TellCancelled(Lock* lock) {
  if (cancelled_.empty()) return;
  std::vector<CallPtr> cancelled;
  cancelled.swap(cancelled_);
  lock->unlock();
  for (const CallPtr& call : cancelled) call->CancelIfAborted();
  cancelled.clear();
  lock->lock();
  ExitIfDrained();
}

void ModuleRuntime::TellAnswered(Lock* lock) {
  if (!answered_) return;
  answered_ = false;
  lock->unlock();
  caller_.Deliver();
  lock->lock();
}

void ModuleRuntime::StartCall(const CallPtr& call) {
  if (call->kind() != MethodKind::kUnary) return StartStream(call);
  if (!call->chained() || chains_.OnWhole(*call)) AddWaiting(call);
}

void ModuleRuntime::AddWaiting(const CallPtr& call) {
  // Cancelled calls leave when there are more of them than others.
  if (waiting_.size() > 2 * calls_->size() + 1024) DropCancelled();
  waiting_.push_back(call);
}

void ModuleRuntime::DropCancelled() {
  std::deque<CallPtr> waiting;
  waiting.swap(waiting_);
  for (CallPtr& call : waiting) {
    if (call->over()) {
      LeaveChain(*call);
    } else {
      waiting_.push_back(std::move(call));
    }
  }
}

void ModuleRuntime::LeaveChain(const ServedCall& call) {
  if (!call.chained()) return;
  ChainTable::Turn turn;
  chains_.OnReturned(call, &turn);
  TakeTurn(turn);
}

void ModuleRuntime::StartStream(const CallPtr& call) {
  const bool foreign = call->foreign();
  if (streams_ >= options_.max_streams ||
      (foreign && foreign_streams_ >= options_.max_streams / 4)) {
    return AbortCall(
        call, absl::ResourceExhaustedError(
                  "the module serves as many streaming calls as it may; try "
                  "again when some are over"));
  }
  ++streams_;
  foreign_streams_ += foreign;
  if (!stream_threads_.Run([this, call] { ServeStream(call); })) {
    --streams_;
    foreign_streams_ -= foreign;
    AbortCall(call, absl::ResourceExhaustedError(
                        "the system has no thread for a streaming call"));
  }
}

void ModuleRuntime::AbortCall(const CallPtr& call, const absl::Status& status) {
  call->Abort(status);
  ForceFrames(call);
  // Behind its own answer: those that fail with it.
  OnAborted(call);
}

void ModuleRuntime::OnAborted(const CallPtr& call) {
  cancelled_.push_back(call);
  if (!call->chained()) return;
  ChainTable::Turn turn;
  chains_.OnAborted(*call, &turn);
  TakeTurn(turn);
}

void ModuleRuntime::TakeTurn(const ChainTable::Turn& turn) {
  // They have no place in the chain any more.
  for (const CallPtr& call : turn.failed) AbortCall(call, turn.why);
  if (turn.run != nullptr) AddWaiting(turn.run);
}

void ModuleRuntime::ForceFrames(const CallPtr& call) {
  if (call->over()) Forget(*call);
  std::string frames;
  bool over = false;
  bool again = false;
  while (!over && call->TakeFrames(again, &frames, &over)) {
    if (over) Forget(*call);
    writer_.ForceQueue(frames);
    again = true;
  }
}

void ModuleRuntime::Forget(const ServedCall& call) {
  if (!calls_->Remove(call)) return;
  deadlines_.Remove(call.context().deadline(), call.key());
}

void ModuleRuntime::OnTimer() {
  const absl::Time now = absl::Now();
  uint64_t key;
  while (deadlines_.TakePassed(now, &key)) {
    if (const CallPtr call = calls_->Find(key)) {
      AbortCall(call, absl::DeadlineExceededError("deadline passed"));
    }
  }
}

void ModuleRuntime::ExitIfDrained() {
  if (!draining_ || calls_->size() > 0 || running_ > 0 || streams_ > 0) return;
  writer_.Drain();
  ExitAtOnce(0);
}

void ModuleRuntime::Arm(int fd, uint32_t events) {
  epoll_event event = {};
  event.events = events | EPOLLONESHOT;
  event.data.fd = fd;
  epoll_ctl(epoll_fd_.get(), EPOLL_CTL_MOD, fd, &event);
}

void ModuleRuntime::WatchWritable() {
  epoll_event event = {};
  event.events = EPOLLOUT | EPOLLONESHOT;
  event.data.fd = writable_fd_.get();
  if (epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, event.data.fd, &event) != 0) {
    epoll_ctl(epoll_fd_.get(), EPOLL_CTL_MOD, event.data.fd, &event);
  }
}

void ModuleRuntime::PassRole(Lock* lock) {
  if (!waiting_.empty() && running_ < max_threads_) {
    lock->unlock();
    Arm(more_fd_.get(), EPOLLIN);
    return;
  }
  paused_ = writer_.waiting_bytes() > kMaxQueuedBytes;
  const bool paused = paused_;
  lock->unlock();
  if (paused) {
    WatchWritable();
  } else {
    Arm(link_fd_.get(), EPOLLIN);
  }
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

ModuleRuntime::CallPtr ModuleRuntime::TakeWaiting() {
  CallPtr call;
  while (!waiting_.empty() && running_ < max_threads_) {
    call = std::move(waiting_.front());
    waiting_.pop_front();
    if (!call->over()) return call;
    // Cancelled, or its deadline passed: it has its answer.
    LeaveChain(*call);
  }
  return nullptr;
}

void ModuleRuntime::ServeWaiting(Lock* lock, bool has_role) {
  while (CallPtr call = TakeWaiting()) {
    ++running_;
    // Somebody must stay to read the link, and to serve the next call.
    if (running_ == threads_) StartThread();
    if (has_role) {
      PassRole(lock);
      has_role = false;
    } else {
      lock->unlock();
    }
    ServeUnary(call.get());
    if (!call->chained()) call.reset();
    lock->lock();
    --running_;
    if (call != nullptr) LeaveChain(*call);
    // The agent sends no more calls.
    ExitIfDrained();
  }
  if (has_role) PassRole(lock);
}

void ModuleRuntime::ServeUnary(ServedCall* call) {
  const MethodTable::Method& method = call->method();
  std::string request;
  std::string reply;
  absl::Status status = call->TakeRequest(&request);
  if (status.ok()) {
    status = method.service->RametCall(method.index, call->context(), request,
                                       &reply);
  }
  call->Finish(status, reply);
  SendFrames(call);
  call->context().EndTiedCalls();
}

void ModuleRuntime::ServeStream(const CallPtr& call) {
  const MethodTable::Method& method = call->method();
  call->Finish(
      method.service->RametStream(method.index, call->context(), call.get()));
  SendFrames(call.get());
  call->context().EndTiedCalls();
  Lock lock(mutex_);
  --streams_;
  foreign_streams_ -= call->foreign();
  ExitIfDrained();
}

void ModuleRuntime::SendFrames(ServedCall* call) {
  std::string frames;
  bool over = false;
  bool again = false;
  while (!over && call->TakeFrames(again, &frames, &over)) {
    if (over) {
      Lock lock(mutex_);
      Forget(*call);
    }
    if (!writer_.Write(frames)) ExitAtOnce(0);
    again = true;
  }
}

}  // namespace ramet::stub
