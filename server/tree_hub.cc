#include "server/tree_hub.h"

#include <algorithm>
#include <utility>

namespace ramet::server {

bool IsAtOrBelow(const std::string& name, const std::string& below) {
  if (below.empty()) return true;
  return name.compare(0, below.size(), below) == 0 &&
         (name.size() == below.size() || name[below.size()] == '/');
}

std::shared_ptr<TreeHub::Subscription> TreeHub::Subscribe(
    const std::string& below) {
  std::shared_ptr<Subscription> subscription(new Subscription(this, below));
  absl::MutexLock lock(&mutex_);
  subscriptions_.push_back(subscription);
  return subscription;
}

void TreeHub::OnChange(const TreeChange& change) {
  {
    absl::MutexLock lock(&mutex_);
    switch (change.kind) {
      case TreeChange::Kind::kAdded:
      case TreeChange::Kind::kReady:
        contexts_[change.info.name] = change.info;
        break;
      case TreeChange::Kind::kLost:
        contexts_.erase(change.info.name);
        break;
      case TreeChange::Kind::kPhase:
        break;
    }
    bool gone = false;
    for (const std::weak_ptr<Subscription>& each : subscriptions_) {
      const auto subscription = each.lock();
      gone = gone || subscription == nullptr;
      if (subscription == nullptr) continue;
      subscription->Push(change);
      streams_->Wake(subscription->reader_);
    }
    if (gone) {
      subscriptions_.erase(
          std::remove_if(
              subscriptions_.begin(), subscriptions_.end(),
              [](const std::weak_ptr<Subscription>& s) { return s.expired(); }),
          subscriptions_.end());
    }
  }
  if (observer_) observer_(change.info.name);
}

void TreeHub::Subscription::Push(const TreeChange& change) {
  if (!IsAtOrBelow(change.info.name, below_)) return;
  // The rest of the snapshot will have it.
  if (!snapshot_over_ && (!started_ || change.info.name > cursor_)) return;
  if (queue_.size() >= kMaxQueuedChanges) {
    queue_.clear();
    started_ = false;
    snapshot_over_ = false;
    cursor_.clear();
    return;
  }
  queue_.push_back(change);
}

void TreeHub::Subscription::SetReader(std::weak_ptr<OpenStream> reader) {
  absl::MutexLock lock(&hub_->mutex_);
  reader_ = std::move(reader);
}

std::optional<TreeHub::News> TreeHub::Subscription::TakeNext() {
  absl::MutexLock lock(&hub_->mutex_);
  if (!snapshot_over_) {
    SnapshotPart part;
    auto next = started_ ? hub_->contexts_.upper_bound(cursor_)
                         : hub_->contexts_.lower_bound(below_);
    started_ = true;
    for (; next != hub_->contexts_.end(); ++next) {
      // Names that begin with `below_` stand together.
      if (next->first.compare(0, below_.size(), below_) != 0) break;
      if (!IsAtOrBelow(next->first, below_)) continue;
      if (part.contexts.size() == kMaxSnapshotPart) {
        part.more = true;
        break;
      }
      part.contexts.push_back(next->second);
    }
    if (!part.contexts.empty()) cursor_ = part.contexts.back().name;
    snapshot_over_ = !part.more;
    return News(std::move(part));
  }
  if (queue_.empty()) return std::nullopt;
  TreeChange change = std::move(queue_.front());
  queue_.pop_front();
  return News(std::move(change));
}

std::optional<ContextInfo> TreeHub::Find(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  const auto it = contexts_.find(name);
  if (it == contexts_.end()) return std::nullopt;
  return it->second;
}

TreeHub::Counts TreeHub::Count() const {
  Counts counts;
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, info] : contexts_) {
    ++(info.ready ? counts.ready : counts.connecting);
  }
  return counts;
}

}  // namespace ramet::server
