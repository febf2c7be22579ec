#ifndef STUB_CALL_ADMISSION_H_
#define STUB_CALL_ADMISSION_H_

#include <stddef.h>
#include <stdint.h>

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "stub/method_table.h"
#include "stub/served_call.h"
#include "stub/service.h"

namespace ramet::stub {

// Keeps the limits of services: lets calls in as far as max_concurrent_calls
// and SERIAL methods allow, and has the others wait, up to max_queued_calls.
// Whoever waits is let in in the order of arrival, but that calls behind one
// that waits for its SERIAL method may go before it.
//
// Only calls whose method is `limited` come here; services know nothing of one
// another.
//
// Not thread-safe: whoever holds the runtime's lock uses it.
class CallAdmission {
 public:
  using CallPtr = std::shared_ptr<ServedCall>;

  // Of max_queued_calls callers that are not above the module's context may
  // have one part in `foreign_part`, and one at least; 1: all.
  explicit CallAdmission(size_t foreign_part) : foreign_part_(foreign_part) {}

  // A call that can be served. `*admitted`: now; else it waits. Its answer when
  // it can't even wait: RESOURCE_EXHAUSTED, which names the limits.
  absl::Status Add(const CallPtr& call, bool* admitted);

  // Its method begins.
  void OnBegin(const ServedCall& call);
  // It has its answer. Unless its method has begun, its place goes to the next.
  // True: it waited here.
  bool OnAborted(const ServedCall& call, std::vector<CallPtr>* admitted);
  // Its method has returned.
  void OnReturned(const ServedCall& call, std::vector<CallPtr>* admitted);

  // Calls that wait.
  size_t queued() const { return queued_; }

 private:
  // By arrival.
  using Line = std::map<uint64_t, CallPtr>;
  enum class Stage {
    kWaitsForMethod,   // for the other call of its SERIAL method
    kWaitsForService,  // for max_concurrent_calls
    kAdmitted,
    kBegun,
  };
  struct Place {
    uint64_t arrival;
    Stage stage;
  };
  struct ServiceState {
    size_t admitted = 0;
    size_t queued = 0;
    size_t foreign_queued = 0;
    Line line;
  };
  struct SerialState {
    bool taken = false;  // by a call that has left `line`
    Line line;
  };

  bool HasRoom(const ServiceLimits& limits, const ServiceState& state) const {
    return limits.max_concurrent_calls == 0 ||
           state.admitted < limits.max_concurrent_calls;
  }
  bool MayWait(const ServedCall& call, const ServiceState& state) const;
  void CountQueued(const ServedCall& call, ServiceState* state, int change);
  // Gives up what the call has, and lets in those that can have it now.
  void Leave(const ServedCall& call, std::vector<CallPtr>* admitted);
  void LetIn(const ServiceLimits* limits, std::vector<CallPtr>* admitted);

  const size_t foreign_part_;
  uint64_t arrivals_ = 0;
  size_t queued_ = 0;
  std::unordered_map<const ServiceLimits*, ServiceState> services_;
  std::unordered_map<const MethodTable::Method*, SerialState> serial_;
  std::unordered_map<const ServedCall*, Place> places_;
};

}  // namespace ramet::stub

#endif  // STUB_CALL_ADMISSION_H_
