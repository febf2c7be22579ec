#include "stub/loopback_call.h"

#include <chrono>
#include <utility>

#include "core/wire/call_parts.h"

namespace ramet::stub {

LoopbackCall::LoopbackCall(core::CallHeaders headers, absl::Time deadline,
                           std::shared_ptr<RawCallListener> listener)
    : context_(std::move(headers), CallContext::Caller(), deadline),
      listener_(std::move(listener)) {}

void LoopbackCall::Run(const MethodTable::Method& method) {
  End(method.kind == MethodKind::kUnary
          ? RunUnary(method)
          : method.service->RametStream(method.index, context_, this));
}

absl::Status LoopbackCall::RunUnary(const MethodTable::Method& method) {
  std::string request;
  std::string more;
  if (!Read(&request) || Read(&more)) {
    return absl::InvalidArgumentError("a unary method takes one request");
  }
  std::string reply;
  absl::Status status =
      method.service->RametCall(method.index, context_, request, &reply);
  if (status.ok()) Write(std::move(reply));
  return status;
}

template <typename Condition>
void LoopbackCall::WaitFor(Lock* lock, Condition condition) {
  const auto ready = [&] { return over_ || condition(); };
  if (context_.deadline() == absl::InfiniteFuture()) {
    return changed_.wait(*lock, ready);
  }
  if (!changed_.wait_until(*lock, absl::ToChronoTime(context_.deadline()),
                           ready)) {
    EndLocked(absl::DeadlineExceededError("deadline passed"));
    Deliver(lock);
  }
}

bool LoopbackCall::Read(std::string* message) {
  Lock lock(mutex_);
  WaitFor(&lock, [this] { return closed_ || !requests_.empty(); });
  if (over_ || requests_.empty()) return false;
  *message = std::move(requests_.front());
  requests_.pop_front();
  const bool had_room = request_bytes_ < kSendRoomBytes;
  request_bytes_ -= message->size();
  if (!had_room && request_bytes_ < kSendRoomBytes) {
    events_.push_back([](RawCallListener* to) { to->OnSendRoom(); });
    Deliver(&lock);
  }
  return true;
}

bool LoopbackCall::Write(std::string message) {
  Lock lock(mutex_);
  WaitFor(&lock, [this] { return unread_bytes_ < core::kInitialWindowBytes; });
  if (over_) return false;
  PostInitialMetadata();
  unread_bytes_ += message.size();
  events_.push_back(
      [message = std::move(message)](RawCallListener* to) mutable {
        to->OnMessage(std::move(message));
      });
  Deliver(&lock);
  return true;
}

bool LoopbackCall::SendInitialMetadata() {
  Lock lock(mutex_);
  if (over_) return false;
  PostInitialMetadata();
  Deliver(&lock);
  return true;
}

void LoopbackCall::PostInitialMetadata() {
  if (initial_sent_) return;
  initial_sent_ = true;
  MetadataPairs metadata = context_.TakeInitialMetadata();
  if (metadata.empty()) return;
  events_.push_back([metadata = std::move(metadata)](RawCallListener* to) {
    to->OnInitialMetadata(metadata);
  });
}

void LoopbackCall::End(const absl::Status& status) {
  Lock lock(mutex_);
  // A deadline counts, also when the method did not look.
  EndLocked(context_.deadline_passed()
                ? absl::DeadlineExceededError("deadline passed")
                : status);
  Deliver(&lock);
}

void LoopbackCall::EndLocked(const absl::Status& status) {
  if (over_) return;
  PostInitialMetadata();
  over_ = true;
  requests_.clear();
  CallEnd end{status, context_.TakeTrailingMetadata()};
  events_.push_back(
      [end = std::move(end)](RawCallListener* to) { to->OnEnd(end); });
  changed_.notify_all();
}

void LoopbackCall::Send(std::string message) {
  Lock lock(mutex_);
  if (over_ || closed_) return;
  request_bytes_ += message.size();
  requests_.push_back(std::move(message));
  changed_.notify_all();
}

void LoopbackCall::CloseSend() {
  Lock lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

bool LoopbackCall::HasSendRoom() const {
  Lock lock(mutex_);
  return request_bytes_ < kSendRoomBytes;
}

void LoopbackCall::Consumed(size_t message_bytes) {
  Lock lock(mutex_);
  unread_bytes_ -= message_bytes;
  changed_.notify_all();
}

void LoopbackCall::Cancel() {
  {
    Lock lock(mutex_);
    if (over_) return;
    context_.MarkCancelled();
    EndLocked(absl::CancelledError("the caller cancelled"));
    Deliver(&lock);
  }
  context_.Cancel();
}

void LoopbackCall::Deliver(Lock* lock) {
  if (delivering_ || listener_ == nullptr) return;
  delivering_ = true;
  while (!events_.empty()) {
    Event event = std::move(events_.front());
    events_.pop_front();
    lock->unlock();
    event(listener_.get());
    lock->lock();
  }
  delivering_ = false;
  if (!over_) return;
  // They may hold each other; whoever called us has the call.
  std::shared_ptr<RawCallListener> heard_all = std::move(listener_);
  lock->unlock();
  heard_all.reset();
  lock->lock();
}

}  // namespace ramet::stub
