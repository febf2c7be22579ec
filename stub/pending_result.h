#ifndef STUB_PENDING_RESULT_H_
#define STUB_PENDING_RESULT_H_

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "stub/one_shot_event.h"

namespace ramet::stub {

// The outcome of a call as bytes, handed from the channel's thread to whoever
// takes it: the untyped half of PendingCall.
//
// Threads: any.
class PendingResult {
 public:
  using Callback = std::function<void(absl::StatusOr<std::string>)>;

  // The channel's side; once.
  void Set(absl::StatusOr<std::string> result);

  bool Done() const { return over_.is_set(); }
  // Runs `watcher` once Done(): now, or on the channel's thread, where it must
  // not block. Takes nothing.
  void WhenDone(std::function<void()> watcher);
  // Blocks. The outcome goes to the first who asks; later ones, and Take()
  // after Then(), get FAILED_PRECONDITION.
  absl::StatusOr<std::string> Take();
  void Then(Callback callback);

 private:
  absl::StatusOr<std::string> TakeLocked();

  OneShotEvent over_;
  std::mutex mutex_;
  absl::StatusOr<std::string> result_;
  Callback callback_;
  bool taken_ = false;
  std::vector<std::function<void()>> watchers_;
};

}  // namespace ramet::stub

#endif  // STUB_PENDING_RESULT_H_
