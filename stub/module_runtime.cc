#include "stub/module_runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "stub/broken_link.h"
#include "stub/module_hello.h"

namespace ramet::stub {

ModuleRuntime::ModuleRuntime(core::UniqueFd link_fd, const MethodTable* methods,
                             const ModuleOptions& options)
    : link_fd_(std::move(link_fd)),
      methods_(methods),
      options_(options),
      reader_(link_fd_.get()),
      writer_(link_fd_.get(), [this] { WatchWritable(); }),
      caller_(&writer_),
      scheduler_({std::max(1, options.max_threads), options.max_streams},
                 this) {}

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
  const core::Hello hello = GreetParent(link_fd_.get(), &reader_, &writer_);
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
}

void ModuleRuntime::StartEpoll() {
  epoll_fd_.Reset(epoll_create1(EPOLL_CLOEXEC));
  more_fd_.Reset(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  ready_fd_.Reset(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  // epoll knows one interest of a descriptor, and reading has that of the link.
  writable_fd_.Reset(fcntl(link_fd_.get(), F_DUPFD_CLOEXEC, 0));
  for (int fd : {link_fd_.get(), more_fd_.get(), ready_fd_.get(),
                 deadlines_.fd(), caller_.timer_fd(), caller_.wake_fd()}) {
    const bool armed = fd == deadlines_.fd() || fd == caller_.timer_fd() ||
                       fd == caller_.wake_fd();
    epoll_event event = {};
    event.events = EPOLLONESHOT;
    if (armed) event.events |= EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      BrokenLink("epoll: %s", strerror(errno));
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
      // It may have become the turn of others.
      ServeWaiting(&lock, /*has_role=*/false);
      continue;
    } else if (fd == ready_fd_.get()) {
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
      BrokenLink("%s", reader_.problem());
    }
    if (read == FrameReader::ReadResult::kEnd) ExitAtOnce(0);
  } while (read == FrameReader::ReadResult::kMore && !scheduler_.has_ready());
}

void ModuleRuntime::OnFrame(const core::FrameHeader& header,
                            std::string_view payload) {
  if (header.dst_id != own_id_) {
    BrokenLink("a frame for another context than %u: %s", own_id_,
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
      BrokenLink("a frame for a handle that modules do not have: %s",
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
    if (!scheduler_.OnOpened(call)) return;
  }
  if (fed.over || fed.has_frames) ForceFrames(call);
  if (fed.over) OnAborted(call);
  if (fed.start && !fed.over) scheduler_.OnWhole(call);
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

void ModuleRuntime::AbortCall(const CallPtr& call, const absl::Status& status) {
  Refuse(call, status);
  // Behind its own answer: those that fail with it.
  scheduler_.OnAborted(call);
}

void ModuleRuntime::OnAborted(const CallPtr& call) {
  cancelled_.push_back(call);
  scheduler_.OnAborted(call);
}

void ModuleRuntime::Refuse(const CallPtr& call, const absl::Status& status) {
  call->Abort(status);
  ForceFrames(call);
  cancelled_.push_back(call);
}

bool ModuleRuntime::StartStream(const CallPtr& call) {
  return stream_threads_.Run([this, call] { ServeStream(call); });
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
  // Its headers may never have been whole.
  if (call.has_context()) {
    deadlines_.Remove(call.context().deadline(), call.key());
  }
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
  if (!draining_ || calls_->size() > 0 || scheduler_.busy()) return;
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
  if (scheduler_.HasUnary()) {
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

void ModuleRuntime::ServeWaiting(Lock* lock, bool has_role) {
  // Those that wait otherwise have the role behind them, which is passed on.
  bool others_turn = !has_role;
  while (CallPtr call = scheduler_.TakeUnary()) {
    // Somebody must stay to read the link, and to serve the next call.
    if (scheduler_.unary_at_work() == threads_) StartThread();
    if (has_role) {
      PassRole(lock);
      has_role = false;
    } else {
      const bool more = others_turn && scheduler_.HasUnary();
      lock->unlock();
      if (more) Arm(ready_fd_.get(), EPOLLIN);
    }
    ServeUnary(call.get());
    others_turn = CallScheduler::Tracks(*call);
    if (!others_turn) call.reset();
    lock->lock();
    scheduler_.OnUnaryReturned(call.get());
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
  if (method.limited) LeavePlace(*call);
  SendFrames(call);
  call->context().EndTiedCalls();
}

void ModuleRuntime::LeavePlace(const ServedCall& call) {
  bool more;
  {
    Lock lock(mutex_);
    scheduler_.OnMethodReturned(call);
    more = scheduler_.HasUnary();
  }
  if (more) Arm(ready_fd_.get(), EPOLLIN);
}

void ModuleRuntime::ServeStream(const CallPtr& call) {
  const MethodTable::Method& method = call->method();
  call->Finish(
      method.service->RametStream(method.index, call->context(), call.get()));
  LeavePlace(*call);
  SendFrames(call.get());
  call->context().EndTiedCalls();
  Lock lock(mutex_);
  scheduler_.OnStreamReturned(*call);
  // This thread is for streams.
  if (scheduler_.HasUnary()) Arm(ready_fd_.get(), EPOLLIN);
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
