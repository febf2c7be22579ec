#ifndef STUB_CALL_TIE_H_
#define STUB_CALL_TIE_H_

#include <map>
#include <memory>
#include <mutex>

#include "absl/time/time.h"
#include "stub/raw_call.h"

namespace ramet::stub {

// Ties the calls that a method makes to the call that it serves: they have its
// deadline, and are cancelled when it is over.
//
// Threads: any. Shared by the served call and those that it made.
class CallTie {
 public:
  explicit CallTie(absl::Time deadline) : deadline_(deadline) {}

  absl::Time deadline() const { return deadline_; }

  // False: the served call is over, and nothing more can be tied to it.
  bool Add(const std::shared_ptr<RawCall>& call);
  void Remove(const RawCall* call);

  // The served call is over: cancels what is tied.
  void End();

 private:
  const absl::Time deadline_;
  std::mutex mutex_;
  bool over_ = false;
  std::map<const RawCall*, std::weak_ptr<RawCall>> calls_;
};

}  // namespace ramet::stub

#endif  // STUB_CALL_TIE_H_
