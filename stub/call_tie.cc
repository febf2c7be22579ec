#include "stub/call_tie.h"

namespace ramet::stub {

bool CallTie::Add(const std::shared_ptr<RawCall>& call) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (over_) return false;
  calls_.emplace(call.get(), call);
  return true;
}

void CallTie::Remove(const RawCall* call) {
  std::lock_guard<std::mutex> lock(mutex_);
  calls_.erase(call);
}

void CallTie::End() {
  std::map<const RawCall*, std::weak_ptr<RawCall>> calls;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
    calls.swap(calls_);
  }
  for (const auto& [unused, weak] : calls) {
    if (const std::shared_ptr<RawCall> call = weak.lock()) call->Cancel();
  }
}

}  // namespace ramet::stub
