#ifndef STUB_PENDING_CALL_H_
#define STUB_PENDING_CALL_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "stub/message_bytes.h"
#include "stub/pending_result.h"

namespace ramet::stub {

// A call that was started and may still be under way. Copies are the same
// call; dropping the last one lets it run on, unheard.
//
// Threads: any. Its outcome is taken once, by Wait() or by Then().
template <typename Reply>
class PendingCall {
 public:
  using Callback = std::function<void(absl::StatusOr<Reply>)>;

  // For generated code: `result` gets the reply's bytes, `method` is named in
  // texts and must be a literal.
  PendingCall(std::shared_ptr<PendingResult> result, const char* method)
      : result_(std::move(result)), method_(method) {}

  // True when Wait() would not block.
  bool Done() const { return result_->Done(); }
  // Runs `watcher` when it would not: now, or on the channel's own thread,
  // where it must not block. The outcome is still to be taken.
  void WhenDone(std::function<void()> watcher) const {
    result_->WhenDone(std::move(watcher));
  }

  // Blocks until the call is over. FAILED_PRECONDITION when the outcome was
  // taken before; other errors are the call's (see Channel).
  absl::StatusOr<Reply> Wait() { return Parse(result_->Take(), method_); }

  // Runs `callback` with the outcome: now, if it is there, otherwise on the
  // channel's own thread, where it must not block.
  void Then(Callback callback) {
    const char* method = method_;
    result_->Then([callback = std::move(callback),
                   method](absl::StatusOr<std::string> bytes) {
      callback(Parse(std::move(bytes), method));
    });
  }

 private:
  static absl::StatusOr<Reply> Parse(absl::StatusOr<std::string> bytes,
                                     const char* method) {
    if (!bytes.ok()) return bytes.status();
    absl::StatusOr<Reply> reply(absl::in_place);
    absl::Status status = ParseReply(*bytes, method, &*reply);
    if (!status.ok()) return status;
    return reply;
  }

  std::shared_ptr<PendingResult> result_;
  const char* method_;
};

}  // namespace ramet::stub

#endif  // STUB_PENDING_CALL_H_
