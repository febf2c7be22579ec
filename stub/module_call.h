#ifndef STUB_MODULE_CALL_H_
#define STUB_MODULE_CALL_H_

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/base/status.h"
#include "core/wire/call_assembler.h"
#include "core/wire/call_sender.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"
#include "stub/call_tie.h"
#include "stub/raw_call.h"

namespace ramet::stub {

// One call of any kind that a module makes.
//
// What comes is kept as events, which Deliver() gives to the listener: in their
// order, one at a time, on whichever thread calls it, without a lock.
//
// Threads: any. Its lock may be taken under the runtime's, not the other way
//   round, and never while code of users runs.
// Ownership: shared by its user and, until it is over, by its host.
class ModuleCall final : public RawCall,
                         public std::enable_shared_from_this<ModuleCall>,
                         private core::CallAssembler::Sink {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    // Whole frames for the link. Never blocks, and calls nothing back.
    virtual void QueueFrames(std::string_view frames) = 0;
    // The call was ended by this side: forget it, and Deliver() soon.
    virtual void OnEnded(const std::shared_ptr<ModuleCall>& call) = 0;
  };

  struct Options {
    core::FrameHeader header;  // of each frame that goes out
    absl::Time deadline = absl::InfiniteFuture();
    size_t max_reply_bytes = core::kDefaultMaxMessageBytes;
    std::shared_ptr<CallTie> tie;  // may be null
  };

  ModuleCall(Host* host, Options options,
             std::shared_ptr<RawCallListener> listener);

  core::HandleId handle() const { return options_.header.reply_to; }
  absl::Time deadline() const { return options_.deadline; }

  // Sends the headers, and with them all of a unary call when `request` is not
  // null. Once, before anything else.
  void Start(const core::CallHeaders& headers, const std::string* request);

  // Takes a frame of the answer. True: the call is over.
  bool OnFrame(std::string_view payload);
  void OnDead(std::string_view payload);
  // Ends it with this status, and tells the callee. False: it was over.
  bool End(absl::Status status);
  // Gives the listener what has come for it. Must follow each of the above,
  // where code of users may run.
  void Deliver();

  void Send(std::string message) override;
  void CloseSend() override;
  void SendLast(std::string message) override;
  bool HasSendRoom() const override;
  void Consumed(size_t message_bytes) override;
  void Cancel() override;

 private:
  struct Event {
    enum class Kind { kMetadata, kMessage, kBatchEnd, kSendRoom, kEnd };
    Kind kind;
    std::string message;
    CallEnd end;  // its metadata are kMetadata's, too
  };

  void OnHeaders(std::string bytes) override;
  void OnMessage(std::string message) override;
  void OnEnd() override {}
  void OnTrailers(std::string bytes) override;
  void OnCancel() override {}
  void OnWindow(uint32_t bytes) override;

  // Under the lock.
  void SendLocked(const std::string* message, bool last);
  void SendGrantLocked();
  void QueueLocked();
  void EndLocked(absl::Status status, MetadataPairs metadata, bool tell);

  Host* const host_;
  const Options options_;

  mutable std::mutex mutex_;                   // for everything below
  std::shared_ptr<RawCallListener> listener_;  // until it has the end
  core::CallSender sender_;
  core::CallAssembler assembler_;
  std::string frames_;
  std::list<Event> events_;
  bool started_ = false;
  bool closed_ = false;  // no more messages go out
  bool full_ = false;    // HasSendRoom() is false
  bool over_ = false;
  bool delivering_ = false;  // a thread gives events to the listener
};

}  // namespace ramet::stub

#endif  // STUB_MODULE_CALL_H_
