#ifndef STUB_CALL_CONTEXT_H_
#define STUB_CALL_CONTEXT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"
#include "stub/one_shot_event.h"

namespace ramet::stub {

// What a method knows about the call that it serves, beside the request.
// Owned by the runtime, and valid until the method returns.
//
// Threads: any.
class CallContext {
 public:
  struct Caller {
    core::ContextId id = core::kMasterId;         // who calls
    core::ContextId authority = core::kMasterId;  // on whose authority
  };

  // For tests of services: nobody's call, without a deadline.
  CallContext() = default;
  // `deadline` is when the time in the headers runs out.
  CallContext(core::CallHeaders headers, Caller caller, absl::Time deadline)
      : headers_(std::move(headers)), caller_(caller), deadline_(deadline) {}

  CallContext(const CallContext&) = delete;
  CallContext& operator=(const CallContext&) = delete;

  // "/demo.v1.Greeter/SayHello".
  const std::string& method() const { return headers_.method; }
  Caller caller() const { return caller_; }
  // absl::InfiniteFuture() when the caller has set none.
  absl::Time deadline() const { return deadline_; }

  const std::vector<core::Metadata>& metadata() const {
    return headers_.metadata;
  }
  // The first value of a key (lower case), or null.
  const std::string* FindMetadata(const std::string& key) const;

  // True when nobody waits for the answer any more: the caller gave up, or the
  // deadline passed. A long method asks now and then, and returns early.
  bool is_cancelled() const;
  bool deadline_passed() const;
  // Sleeps until is_cancelled(), or for `duration`; true in the first case.
  bool WaitUntilCancelled(absl::Duration duration) const;

  // The runtime's side, and a test's.
  void Cancel() { cancelled_.Set(); }

 private:
  const core::CallHeaders headers_{};
  const Caller caller_{};
  const absl::Time deadline_ = absl::InfiniteFuture();
  OneShotEvent cancelled_;
};

}  // namespace ramet::stub

#endif  // STUB_CALL_CONTEXT_H_
