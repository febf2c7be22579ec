#include "stub/select.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "absl/time/clock.h"

namespace ramet::stub {

// The numbers of what is ready.
class Select::Signal {
 public:
  void Push(size_t number) {
    std::lock_guard<std::mutex> lock(mutex_);
    ready_.push_back(number);
    changed_.notify_one();
  }

  std::optional<size_t> Pop(absl::Duration timeout) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto is_ready = [this] { return !ready_.empty(); };
    if (timeout == absl::InfiniteDuration()) {
      changed_.wait(lock, is_ready);
    } else if (!changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                                  is_ready)) {
      return std::nullopt;
    }
    const size_t number = ready_.front();
    ready_.pop_front();
    return number;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<size_t> ready_;
};

Select::Select() : signal_(std::make_shared<Signal>()) {}

Select::~Select() = default;

size_t Select::AddWatch(
    const std::function<void(std::function<void()> ready)>& watch) {
  const size_t number = next_++;
  ++open_;
  watch([signal = signal_, number] { signal->Push(number); });
  return number;
}

size_t Select::AddStream(const std::shared_ptr<ClientStream>& stream) {
  streams_[next_] = stream;
  return AddWatch([&stream](std::function<void()> ready) {
    stream->WhenReadable(std::move(ready));
  });
}

std::optional<size_t> Select::Wait(absl::Duration timeout) {
  if (given_.has_value()) {
    // Its user has read, or not; behind those that are ready already.
    const size_t number = *given_;
    given_.reset();
    if (const auto stream = streams_[number].lock()) {
      stream->WhenReadable(
          [signal = signal_, number] { signal->Push(number); });
    } else {
      streams_.erase(number);
      --open_;
    }
  }
  if (open_ == 0) return std::nullopt;
  const std::optional<size_t> ready = signal_->Pop(timeout);
  if (!ready.has_value()) return std::nullopt;
  auto found = streams_.find(*ready);
  if (found == streams_.end()) {
    --open_;
    return ready;
  }
  const auto stream = found->second.lock();
  if (stream == nullptr || stream->drained()) {
    streams_.erase(found);
    --open_;
  } else {
    given_ = ready;
  }
  return ready;
}

}  // namespace ramet::stub
