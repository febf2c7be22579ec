#ifndef STUB_LOOPBACK_CALL_H_
#define STUB_LOOPBACK_CALL_H_

#include <stddef.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/wire/control.h"
#include "stub/call_context.h"
#include "stub/method_table.h"
#include "stub/raw_call.h"
#include "stub/service.h"

namespace ramet::stub {

// A call of LoopbackChannel: both of its ends, without bytes of frames between
// them. The method runs on a thread that has the call; callbacks run on
// whichever thread made the event, one at a time and in order.
//
// Threads: any.
class LoopbackCall final : public RawCall,
                           public ServerStream,
                           public std::enable_shared_from_this<LoopbackCall> {
 public:
  LoopbackCall(core::CallHeaders headers, absl::Time deadline,
               std::shared_ptr<RawCallListener> listener);

  // The method's thread.
  void Run(const MethodTable::Method& method);
  // Ends the call, unless it is over.
  void End(const absl::Status& status);

  // The caller's end.
  void Send(std::string message) override;
  void CloseSend() override;
  bool HasSendRoom() const override;
  void Consumed(size_t message_bytes) override;
  void Cancel() override;

  // The method's end.
  bool Read(std::string* message) override;
  bool Write(std::string message) override;
  bool SendInitialMetadata() override;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Event = std::function<void(RawCallListener*)>;

  absl::Status RunUnary(const MethodTable::Method& method);
  // Waits, at most until the deadline, which then ends the call.
  template <typename Condition>
  void WaitFor(Lock* lock, Condition condition);
  void PostInitialMetadata();
  void EndLocked(const absl::Status& status);
  // Calls the listener with what is posted, unless another thread is at it;
  // lets it go behind the end. Gives up the lock meanwhile.
  void Deliver(Lock* lock);

  CallContext context_;

  mutable std::mutex mutex_;                   // for everything below
  std::shared_ptr<RawCallListener> listener_;  // until it has heard the end
  std::condition_variable changed_;
  std::deque<std::string> requests_;
  size_t request_bytes_ = 0;  // of requests_
  size_t unread_bytes_ = 0;   // of replies that the caller has not consumed
  bool closed_ = false;       // no more requests come
  bool initial_sent_ = false;
  bool over_ = false;
  std::deque<Event> events_;
  bool delivering_ = false;
};

}  // namespace ramet::stub

#endif  // STUB_LOOPBACK_CALL_H_
