#include "stub/call_credit.h"

namespace ramet::stub {

void CreditReturn::SetCall(std::shared_ptr<RawCall> call) {
  if (call == nullptr) return;
  std::vector<size_t> early;
  bool cancelled;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    call_ = call;
    early.swap(early_);
    cancelled = cancelled_;
  }
  for (const size_t message_bytes : early) call->Consumed(message_bytes);
  if (cancelled) call->Cancel();
}

void CreditReturn::Consumed(size_t message_bytes) {
  std::shared_ptr<RawCall> call;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (call_ == nullptr) {
      early_.push_back(message_bytes);
      return;
    }
    call = call_;
  }
  call->Consumed(message_bytes);
}

void CreditReturn::Cancel() {
  std::shared_ptr<RawCall> call;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    cancelled_ = true;
    call = call_;
  }
  if (call != nullptr) call->Cancel();
}

}  // namespace ramet::stub
