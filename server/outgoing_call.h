#ifndef SERVER_OUTGOING_CALL_H_
#define SERVER_OUTGOING_CALL_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/wire/call_assembler.h"
#include "core/wire/call_sender.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"

namespace ramet::server {

// How a call ended.
struct CallResult {
  core::Status status;
  std::string details;  // google.rpc.Status, when the callee gave one
  std::vector<core::Metadata> trailing_metadata;
};

class OutgoingCall;

// Calls of chains whose first frame is not out yet, in the order in which they
// were started: that is the order in which their first frames go out, whoever
// has something to send first. The loop's.
using ChainStarts = std::deque<OutgoingCall*>;

// One call from the master to a context, of any kind: messages in both
// directions as far as the windows go. What is sent in one turn of the loop
// goes out at its end, in as few frames as it fits.
//
// Ownership: keeps itself until it is over; others hold weak pointers, or
//   strong ones that keep nothing but memory.
// Threads: the loop's.
class OutgoingCall final : public std::enable_shared_from_this<OutgoingCall>,
                           private core::ReplyHandler,
                           private core::CallAssembler::Sink,
                           private core::TurnEndHandler {
 public:
  // What it tells whoever has started it: initial metadata at most once,
  // messages, and the end, once, after which the listener is destroyed.
  class Listener {
   public:
    virtual ~Listener() = default;
    // What messages may come compressed with, a number of the wire; before
    // the initial metadata.
    virtual void OnEncoding(uint32_t encoding) {}
    virtual void OnInitialMetadata(std::vector<core::Metadata> metadata) = 0;
    // The callee may send more when Consumed() was said.
    virtual void OnMessage(std::string message) = 0;
    // One that came compressed; what it returns ends the call, if not OK. By
    // default INTERNAL: nobody has asked for it.
    virtual core::Status OnCompressedMessage(std::string message);
    // Bytes that waited for credit are out.
    virtual void OnSent() = 0;
    // What came together was given; not after the end.
    virtual void OnBatchEnd() = 0;
    virtual void OnEnd(CallResult result) = 0;
  };

  // `max_reply_bytes`: of a message; longer ones end the call,
  // RESOURCE_EXHAUSTED. `window_bytes`: see core::ReceiveWindow.
  static std::shared_ptr<OutgoingCall> Create(
      core::Context* context, core::CallHeaders headers,
      std::unique_ptr<Listener> listener,
      size_t max_reply_bytes = core::kDefaultMaxMessageBytes,
      uint64_t window_bytes = core::kInitialWindowBytes);
  ~OutgoingCall() override;

  const std::string& method() const { return headers_.method; }
  bool over() const { return listener_ == nullptr; }

  // Ends it with `status` unless it is over `delay_us` from now. Once.
  void CancelAfter(int64_t delay_us, core::Status status);
  // The same, and the callee is told what is left of `limit_us` when the call
  // starts; one that says first that it is over gets its caller the same
  // status. `slack_us`: how much longer to wait for somebody on the way who
  // has the same limit, and more to say.
  void SetDeadline(int64_t limit_us, int64_t slack_us, core::Status status);

  // What it ends with at its limit, from now on.
  void set_limit_status(core::Status status) {
    limit_status_ = std::move(status);
  }

  // For a call of a chain, before Start(); `starts` outlives it.
  void set_chain_starts(ChainStarts* starts) { chain_starts_ = starts; }

  // Sends the headers to `target`, and what was sent before.
  void Start(core::ContextId target);

  // Of at most 4 GiB - 1 bytes. `compressed`: with the headers' encoding.
  void Send(std::string_view message, bool compressed = false);
  void CloseSend();
  // Bytes of messages that wait for credit, or for Start().
  size_t waiting_bytes() const { return sender_.waiting_bytes(); }

  // A message of that size, from OnMessage(), is done with.
  void Consumed(size_t message_bytes);

  // Ends it with this status, and tells the callee when there is one. Does
  // nothing once it is over.
  void Cancel(const core::Status& why);

 private:
  OutgoingCall(core::Context* context, core::CallHeaders headers,
               std::unique_ptr<Listener> listener, size_t max_reply_bytes,
               uint64_t window_bytes);

  void OnReply(const core::FrameHeader& header,
               std::string_view payload) override;
  void OnDead(const core::Status& why) override;

  void OnHeaders(std::string bytes) override;
  void OnMessage(std::string message) override;
  core::Status OnCompressedMessage(std::string message) override;
  void OnEnd() override {}
  void OnTrailers(std::string bytes) override;
  void OnCancel() override {}
  void OnWindow(uint32_t bytes) override;

  void OnTurnEnd() override;
  void FlushSoon();
  void SendFrame(std::string_view payload, uint8_t flags);
  // Before the first one: those of calls in front of this one in their chains.
  void SendFirstFrames();
  void SendGrant();
  void SendCancel();
  core::Status StatusOf(core::CallTrailers* trailers) const;
  void Finish(CallResult result);

  core::Context* const context_;
  core::CallHeaders headers_;
  std::unique_ptr<Listener> listener_;  // null: it is over
  std::shared_ptr<OutgoingCall> self_;  // until it is over
  core::EventLoop::TimerId timer_ = 0;
  core::Status limit_status_;
  int64_t deadline_us_ = 0;  // 0: none
  core::ContextId target_ = 0;
  core::HandleId handle_ = core::kNoHandle;
  core::CallSender sender_;
  core::CallAssembler assembler_;
  ChainStarts* chain_starts_ = nullptr;  // until the first frame is out
  bool flush_due_ = false;
  bool answered_ = false;  // headers or a message have come
};

}  // namespace ramet::server

#endif  // SERVER_OUTGOING_CALL_H_
