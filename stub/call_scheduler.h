#ifndef STUB_CALL_SCHEDULER_H_
#define STUB_CALL_SCHEDULER_H_

#include <stddef.h>

#include <deque>
#include <memory>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "stub/call_admission.h"
#include "stub/chain_table.h"
#include "stub/served_call.h"

namespace ramet::stub {

// Says which of a module's calls runs when. A whole call waits here, if it
// must, for its turn in its chain, then for the limits of its service, and,
// when its method is unary, for a thread; streaming ones have threads of their
// own, as far as their number allows.
//
// Not thread-safe: whoever holds the runtime's lock uses it. Borrows the host.
class CallScheduler {
 public:
  using CallPtr = std::shared_ptr<ServedCall>;

  // One part in so many of what is limited is for callers that are not above
  // the module's context, so that they can't keep the others out.
  static constexpr int kForeignPart = 4;

  struct Options {
    int max_threads = 1;  // unary methods at the same time
    int max_streams = 1;  // streaming ones
  };

  class Host {
   public:
    virtual ~Host() = default;
    // Answers a call that will not run. The scheduler has forgotten it.
    virtual void Refuse(const CallPtr& call, const absl::Status& status) = 0;
    // Runs a streaming method, and says OnReturned() then. False: the system
    // has no thread for it.
    virtual bool StartStream(const CallPtr& call) = 0;
  };

  CallScheduler(const Options& options, Host* host)
      : options_(options), host_(host) {}

  // A call's headers have come. False: it was refused.
  bool OnOpened(const CallPtr& call);
  // It can be served: all that the method needs to begin is there.
  void OnWhole(const CallPtr& call);
  // It has its answer before its method has returned, or begun.
  void OnAborted(const CallPtr& call);

  // A unary call for the thread that asks, which says OnReturned() afterwards.
  // Null: none may run now.
  CallPtr TakeUnary();
  // TakeUnary() has something to look at.
  bool HasUnary() const {
    return !ready_.empty() && unary_at_work_ < options_.max_threads;
  }
  // OnReturned() needs more of a call than its kind.
  static bool Tracks(const ServedCall& call) {
    return call.chained() || call.method().limited;
  }
  // For a stream, and for a unary call whose method is limited, before its
  // answer is sent: the next may take its place as soon as the caller has that.
  // What follows does it otherwise.
  void OnMethodReturned(const ServedCall& call);
  // `call` may be null for one that is not tracked.
  void OnUnaryReturned(const ServedCall* call);
  void OnStreamReturned(const ServedCall& call);

  // Unary calls wait, whether they may run or not.
  bool has_ready() const { return !ready_.empty(); }
  int unary_at_work() const { return unary_at_work_; }
  // Methods run, or their answers are being sent.
  bool busy() const {
    return unary_at_work_ > 0 || streams_ > 0 || !answering_.empty();
  }

 private:
  // It is the call's turn: has it wait for its service, or be served.
  void Admit(const CallPtr& call);
  void Serve(const CallPtr& call);
  void ServeAll(const std::vector<CallPtr>& calls);
  void DropCancelled();
  void StartStream(const CallPtr& call);
  void LeaveStreams(const ServedCall& call);
  void LeaveService(const ServedCall& call);
  // The method of a call has returned.
  void Leave(const ServedCall& call);
  // The method of a call has returned, or will not run.
  void LeaveChain(const ServedCall& call);
  void TakeTurn(const ChainTable::Turn& turn);

  const Options options_;
  Host* const host_;
  ChainTable chains_;
  CallAdmission admission_{kForeignPart};
  // Whose turn it is; one that is refused makes it the turn of the next.
  std::deque<CallPtr> to_admit_;
  bool admitting_ = false;
  // Let in; one that can't begin lets in the next.
  std::deque<CallPtr> to_serve_;
  bool serving_ = false;
  // Unary calls that no thread has taken; some may be over.
  std::deque<CallPtr> ready_;
  size_t kept_ = 0;  // of ready_, when those that are over were dropped
  int unary_at_work_ = 0;
  int streams_ = 0;
  int foreign_streams_ = 0;  // of them
  // Streams that count no more, but have their threads until their answers are
  // sent. As many as may run at most, so that threads have a limit although
  // nobody reads answers.
  std::unordered_set<const ServedCall*> answering_;
};

}  // namespace ramet::stub

#endif  // STUB_CALL_SCHEDULER_H_
