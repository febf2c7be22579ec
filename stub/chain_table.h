#ifndef STUB_CHAIN_TABLE_H_
#define STUB_CHAIN_TABLE_H_

#include <stddef.h>
#include <stdint.h>

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "core/wire/frame_header.h"
#include "stub/served_call.h"

namespace ramet::stub {

// The chains of a module: calls of one chain run one after the other, in the
// order in which they began to arrive, and none behind one that failed. A chain
// belongs to a caller and its authority.
//
// A chain is remembered for a while after its last call, because calls that its
// caller sent before it knew of a failure may still come. When it was forgotten
// (the oldest go when there are too many), or its module was started anew, a
// call whose caller does not know yet how those before it ended is ABORTED:
// never run on a guess.
//
// Not thread-safe: whoever holds the runtime's lock uses it.
class ChainTable {
 public:
  using CallPtr = std::shared_ptr<ServedCall>;

  // Chains without calls that are remembered; for callers that are not above
  // the module's context in the second place.
  static constexpr size_t kMaxIdle = 1024;
  static constexpr size_t kMaxForeignIdle = 256;
  // Of the text of a failure that is remembered.
  static constexpr size_t kMaxTextBytes = 4096;

  // What is to be done after a call: answer those with their status, run that
  // one.
  struct Turn {
    std::vector<CallPtr> failed;
    absl::Status why;
    CallPtr run;  // may be null
  };

  // A chained call whose headers have come gets its place; anything but OK is
  // its answer: the failure of a call before it, ABORTED (what was before it is
  // not known), INVALID_ARGUMENT (it streams).
  absl::Status Add(const CallPtr& call);
  // The whole call is there. True: it is its turn now.
  bool OnWhole(const ServedCall& call);
  // It was answered before its method returned, or began.
  void OnAborted(const ServedCall& call, Turn* turn);
  // Its method has returned.
  void OnReturned(const ServedCall& call, Turn* turn);

  size_t size() const { return chains_.size(); }

 private:
  using Key = std::tuple<core::ContextId, core::ContextId, uint64_t>;
  struct Place {
    CallPtr call;
    uint32_t epoch;
    bool whole = false;
  };
  struct Chain {
    uint32_t epoch = 0;  // of the last call that came
    uint64_t next_index = 0;
    absl::Status failure;  // of that epoch
    std::deque<Place> line;
    bool running = false;  // the first one's method
    bool foreign = false;
    std::list<Key>::iterator idle;  // when `line` is empty
  };
  using Chains = std::map<Key, Chain>;

  static Key KeyOf(const ServedCall& call);
  absl::Status Check(const ServedCall& call, Chain* chain) const;
  // Those behind `index` in the line, of the same epoch, fail with it.
  void Fail(Chain* chain, size_t index, const absl::Status& failure,
            Turn* turn);
  void TakeNext(Chain* chain, Turn* turn);
  void SetIdle(Chains::iterator chain);

  Chains chains_;
  std::list<Key> idle_;  // the oldest first
  std::list<Key> foreign_idle_;
};

}  // namespace ramet::stub

#endif  // STUB_CHAIN_TABLE_H_
