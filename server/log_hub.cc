#include "server/log_hub.h"

#include <algorithm>
#include <utility>

#include "server/tree_hub.h"

namespace ramet::server {
namespace {

// With what a queue's element costs itself, so that empty lines count, too.
size_t BytesOf(const LogLine& line) {
  return sizeof(LogHub::Line) + line.context.size() + line.source.size() +
         line.text.size();
}

}  // namespace

std::shared_ptr<LogHub::Subscription> LogHub::Subscribe(
    const std::string& below, uint32_t level) {
  std::shared_ptr<Subscription> subscription(new Subscription(below, level));
  absl::MutexLock lock(&mutex_);
  subscriptions_.push_back(subscription);
  return subscription;
}

void LogHub::OnLine(const LogLine& line) {
  absl::MutexLock lock(&mutex_);
  bool gone = false;
  for (const std::weak_ptr<Subscription>& each : subscriptions_) {
    const auto subscription = each.lock();
    gone = gone || subscription == nullptr;
    if (subscription == nullptr || !subscription->Push(line, &dropped_)) {
      continue;
    }
    absl::MutexLock reader_lock(&subscription->mutex_);
    streams_->Wake(subscription->reader_);
  }
  if (!gone) return;
  subscriptions_.erase(
      std::remove_if(
          subscriptions_.begin(), subscriptions_.end(),
          [](const std::weak_ptr<Subscription>& s) { return s.expired(); }),
      subscriptions_.end());
}

bool LogHub::Subscription::Push(const LogLine& line,
                                std::atomic<uint64_t>* dropped) {
  if (line.level < level_ || !IsAtOrBelow(line.context, below_)) return false;
  absl::MutexLock lock(&mutex_);
  const size_t bytes = BytesOf(line);
  if (queued_bytes_ + bytes > kMaxQueuedBytes) {
    ++dropped_;
    dropped->fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  queued_bytes_ += bytes;
  queue_.push_back({line, std::exchange(dropped_, 0)});
  return true;
}

void LogHub::Subscription::SetReader(std::weak_ptr<OpenStream> reader) {
  absl::MutexLock lock(&mutex_);
  reader_ = std::move(reader);
}

std::optional<LogHub::Line> LogHub::Subscription::TakeNext() {
  absl::MutexLock lock(&mutex_);
  if (queue_.empty()) {
    // What was lost last is told although no line has come since.
    if (dropped_ == 0) return std::nullopt;
    Line only_dropped;
    only_dropped.dropped = std::exchange(dropped_, 0);
    return only_dropped;
  }
  Line line = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= BytesOf(line.line);
  return line;
}

}  // namespace ramet::server
