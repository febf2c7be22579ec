#include "server/open_streams.h"

#include <utility>
#include <vector>

namespace ramet::server {

OpenStreams::OpenStreams() : thread_([this] { Run(); }) {}

OpenStreams::~OpenStreams() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

grpc::Status OpenStreams::Add(const std::shared_ptr<OpenStream>& stream,
                              Order order) {
  absl::MutexLock lock(&mutex_);
  if (ended_.count(order) > 0) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE,
                        "the master is shutting down");
  }
  if (streams_.size() >= kMaxStreams) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                        "too many open streams");
  }
  streams_[stream.get()] = {stream, order};
  return grpc::Status::OK;
}

void OpenStreams::Remove(OpenStream* stream) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void OpenStreams::Wake(const std::weak_ptr<OpenStream>& stream) {
  const std::shared_ptr<OpenStream> alive = stream.lock();
  if (alive == nullptr || alive->queued_.exchange(true)) return;
  absl::MutexLock lock(&mutex_);
  to_wake_.push_back(stream);
}

void OpenStreams::EndAll(Order order, const grpc::Status& status) {
  std::vector<std::shared_ptr<OpenStream>> ending;
  {
    absl::MutexLock lock(&mutex_);
    ended_.insert(order);
    for (const auto& [key, entry] : streams_) {
      if (entry.order != order) continue;
      std::shared_ptr<OpenStream> stream = entry.stream.lock();
      if (stream != nullptr) ending.push_back(std::move(stream));
    }
  }
  for (const std::shared_ptr<OpenStream>& stream : ending) stream->End(status);
}

int OpenStreams::count() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(streams_.size());
}

void OpenStreams::Run() {
  const auto has_work = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stop_ || !to_wake_.empty();
  };
  for (;;) {
    std::shared_ptr<OpenStream> stream;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&has_work));
      if (stop_) return;
      stream = to_wake_.front().lock();
      to_wake_.pop_front();
    }
    if (stream == nullptr) continue;
    // Cleared first: news that come now wake it again.
    stream->queued_ = false;
    stream->OnWake();
  }
}

}  // namespace ramet::server
