#ifndef STUB_CALL_CREDIT_H_
#define STUB_CALL_CREDIT_H_

#include <stddef.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "stub/raw_call.h"

namespace ramet::stub {

// Gives credit back to a call which may just be starting: messages can come
// before Channel::StartCall() has returned the call.
//
// Threads: any.
class CreditReturn {
 public:
  void SetCall(std::shared_ptr<RawCall> call);
  void Consumed(size_t message_bytes);
  void Cancel();

 private:
  std::mutex mutex_;
  std::shared_ptr<RawCall> call_;
  std::vector<size_t> early_;  // consumed before SetCall()
  bool cancelled_ = false;     // before SetCall()
};

// Room that one message takes of its call's window, for as long as this object
// lives: then the callee may send more. Moves. Threads: any.
class MessageCredit {
 public:
  MessageCredit() = default;  // of nothing
  MessageCredit(std::shared_ptr<CreditReturn> credits, size_t message_bytes)
      : credits_(std::move(credits)), message_bytes_(message_bytes) {}
  MessageCredit(MessageCredit&& other) = default;
  MessageCredit& operator=(MessageCredit&& other) {
    std::swap(credits_, other.credits_);
    std::swap(message_bytes_, other.message_bytes_);
    return *this;
  }
  ~MessageCredit() {
    if (credits_ != nullptr) credits_->Consumed(message_bytes_);
  }

 private:
  std::shared_ptr<CreditReturn> credits_;
  size_t message_bytes_ = 0;
};

}  // namespace ramet::stub

#endif  // STUB_CALL_CREDIT_H_
