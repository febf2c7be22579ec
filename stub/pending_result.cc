#include "stub/pending_result.h"

#include <utility>

namespace ramet::stub {
namespace {

absl::Status AlreadyTaken() {
  return absl::FailedPreconditionError(
      "the outcome of this call was taken before");
}

}  // namespace

void PendingResult::Set(absl::StatusOr<std::string> result) {
  Callback callback;
  std::vector<std::function<void()>> watchers;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    watchers.swap(watchers_);
    if (callback_) {
      callback = std::move(callback_);
    } else {
      result_ = std::move(result);
    }
    over_.Set();
  }
  if (callback) callback(std::move(result));
  for (const std::function<void()>& watcher : watchers) watcher();
}

void PendingResult::WhenDone(std::function<void()> watcher) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!over_.is_set()) {
      watchers_.push_back(std::move(watcher));
      return;
    }
  }
  watcher();
}

absl::StatusOr<std::string> PendingResult::TakeLocked() {
  if (taken_) return AlreadyTaken();
  taken_ = true;
  return std::move(result_);
}

absl::StatusOr<std::string> PendingResult::Take() {
  over_.Wait();
  std::lock_guard<std::mutex> lock(mutex_);
  return TakeLocked();
}

void PendingResult::Then(Callback callback) {
  absl::StatusOr<std::string> result;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!taken_ && !over_.is_set()) {
      taken_ = true;
      callback_ = std::move(callback);
      return;
    }
    result = TakeLocked();
  }
  callback(std::move(result));
}

}  // namespace ramet::stub
