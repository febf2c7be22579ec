#include "stub/client_stream.h"

#include "stub/call_start.h"

namespace ramet::stub {

std::shared_ptr<ClientStream> ClientStream::Start(const Context& context,
                                                  const char* method,
                                                  const CallOptions& options) {
  absl::Status status = CheckStreamStart(context, method, options);
  if (!status.ok()) return Failed(method, std::move(status));
  auto stream = std::make_shared<ClientStream>(method, options);
  stream->raw_ = context.channel()->StartCall(method, options, stream);
  return stream;
}

std::shared_ptr<ClientStream> ClientStream::Failed(const char* method,
                                                   absl::Status status) {
  auto stream = std::make_shared<ClientStream>(method, CallOptions());
  stream->OnEnd({std::move(status), {}});
  return stream;
}

bool ClientStream::Read(std::string* message) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return over_ || !messages_.empty(); });
    if (messages_.empty() || dropping_) return false;
    *message = std::move(messages_.front());
    messages_.pop_front();
  }
  raw_->Consumed(message->size());
  if (message->size() <= options_.max_reply_bytes) return true;
  Fail(TooLong("reply", message->size(), options_.max_reply_bytes));
  return false;
}

bool ClientStream::Write(std::string message) {
  if (message.size() > options_.max_request_bytes) {
    Cancel(TooLong("request", message.size(), options_.max_request_bytes));
    return false;
  }
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (over_ || closed_) return false;
    const uint64_t seen = send_rooms_;
    lock.unlock();
    const bool room = raw_->HasSendRoom();
    if (room) break;
    lock.lock();
    changed_.wait(lock,
                  [&] { return over_ || closed_ || send_rooms_ != seen; });
  }
  raw_->Send(std::move(message));
  return true;
}

void ClientStream::CloseSend() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_ || closed_) return;
    closed_ = true;
    changed_.notify_all();
  }
  raw_->CloseSend();
}

void ClientStream::SendLast(std::string message) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_ || closed_) return;
    closed_ = true;
  }
  raw_->SendLast(std::move(message));
}

const MetadataPairs& ClientStream::InitialMetadata() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return heard_; });
  return initial_;
}

absl::Status ClientStream::Finish() {
  CloseSend();
  std::deque<std::string> unread;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    dropping_ = true;
    unread.swap(messages_);
  }
  for (const std::string& message : unread) raw_->Consumed(message.size());
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return over_; });
  return end_.status;
}

void ClientStream::Cancel(absl::Status status) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_) return;
    if (failure_.ok()) failure_ = std::move(status);
    // Whatever still comes is dropped, also when the channel is slow to end.
    dropping_ = true;
    messages_.clear();
  }
  raw_->Cancel();
}

void ClientStream::Fail(absl::Status status) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    messages_.clear();
    if (over_ && end_.status.ok()) end_.status = status;
  }
  Cancel(std::move(status));
}

bool ClientStream::over() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return over_;
}

void ClientStream::OnInitialMetadata(MetadataPairs metadata) {
  std::lock_guard<std::mutex> lock(mutex_);
  initial_ = std::move(metadata);
  heard_ = true;
  changed_.notify_all();
}

void ClientStream::OnMessage(std::string message) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    heard_ = true;
    if (!dropping_) {
      messages_.push_back(std::move(message));
      return TellReadable(&lock);
    }
  }
  // Only after Start() has returned somebody can have said so.
  raw_->Consumed(message.size());
}

void ClientStream::OnSendRoom() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++send_rooms_;
  changed_.notify_all();
}

void ClientStream::OnEnd(CallEnd end) {
  std::unique_lock<std::mutex> lock(mutex_);
  end_ = std::move(end);
  if (!failure_.ok()) end_.status = failure_;
  heard_ = over_ = true;
  TellReadable(&lock);
}

void ClientStream::TellReadable(std::unique_lock<std::mutex>* lock) {
  changed_.notify_all();
  if (watchers_.empty()) return;
  std::vector<std::function<void()>> watchers;
  watchers.swap(watchers_);
  lock->unlock();
  for (const std::function<void()>& watcher : watchers) watcher();
}

void ClientStream::WhenReadable(std::function<void()> watcher) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!over_ && messages_.empty()) {
      watchers_.push_back(std::move(watcher));
      return;
    }
  }
  watcher();
}

bool ClientStream::drained() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return over_ && messages_.empty();
}

}  // namespace ramet::stub
