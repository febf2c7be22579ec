#ifndef STUB_SERVED_CALL_H_
#define STUB_SERVED_CALL_H_

#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/base/status.h"
#include "core/wire/call_assembler.h"
#include "core/wire/call_parts.h"
#include "core/wire/call_sender.h"
#include "core/wire/frame_header.h"
#include "stub/call_context.h"
#include "stub/call_port.h"
#include "stub/compression.h"
#include "stub/method_table.h"
#include "stub/service.h"

namespace ramet::stub {

// One call of any kind from its first frame to the last one of its answer.
//
// Whoever reads the link feeds it. When it can be served, a thread runs its
// method, which reads and writes through ServerStream, and then Finish()es it.
// Cancellation, the deadline and errors of the protocol Abort() it at any time:
// then its answer is out at once, the method learns it, and what the method
// still says goes nowhere.
//
// Threads: any. Its lock is never held in a system call or in code of users;
//   it may be taken under the runtime's, not the other way round.
class ServedCall final : public ServerStream,
                         private core::CallAssembler::Sink {
 public:
  struct Options {
    core::ContextId own_id = 0;  // the module's
    size_t max_message_bytes = core::kDefaultMaxMessageBytes;
    const MethodTable::Method* method = nullptr;  // null: there is none
    bool foreign = false;  // the caller is not above the module's context
  };

  // `header` is that of the call's first frame. The port outlives the call.
  ServedCall(const core::FrameHeader& header, const Options& options,
             CallPort* port);
  ~ServedCall() override;

  uint64_t key() const { return core::CallKey(caller_.id, answer_.handle); }
  core::ContextId authority_id() const { return caller_.authority; }
  bool foreign() const { return options_.foreign; }

  struct Fed {
    bool opened = false;      // context() is there; once
    bool start = false;       // it can be served now; once
    bool over = false;        // as over()
    bool has_frames = false;  // for TakeFrames()
  };
  // Takes one frame's payload; errors become the answer.
  Fed Feed(std::string_view payload);

  // Answers with `status` now, unless the whole answer is on its way already.
  // CancelIfAborted() must follow it, and Feed(), where code of users may run:
  // it tells the method.
  void Abort(const absl::Status& status);
  void CancelIfAborted();
  // True when nothing more comes of it but what TakeFrames() gives: the
  // caller may use its handle again as soon as it has that.
  bool over() const;

  // False for a call that is refused because there is none.
  bool has_method() const { return options_.method != nullptr; }
  const MethodTable::Method& method() const { return *options_.method; }
  bool has_context() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return context_.has_value();
  }
  // From `opened` on, which is when there is one.
  const CallContext& context() const { return *context_; }
  MethodKind kind() const { return kind_; }
  bool chained() const { return chained_; }
  // How it ended, when it has: aborted, or its method has returned.
  absl::Status outcome() const;
  // The request of a unary call; once, on its thread. INTERNAL,
  // RESOURCE_EXHAUSTED: it came compressed and can't be decompressed.
  absl::Status TakeRequest(std::string* request);

  // The method has returned. `reply` is sent before OK.
  void Finish(const absl::Status& status, std::string_view reply);
  void Finish(const absl::Status& status);

  // Frames to send, in order. Only one thread at a time gets some: it asks
  // again when they are written, until there are none or they were the last
  // (`over`). False: there are none, or another thread will take them.
  bool TakeFrames(bool again, std::string* frames, bool* over);

  // For the method.
  bool Read(std::string* message) override;
  bool Write(std::string message) override;
  bool SendInitialMetadata() override;

 private:
  // As it came.
  struct Request {
    std::string bytes;
    bool compressed;
  };
  // A reply, and what is sent for it if the answer has that encoding.
  struct Reply {
    std::string_view plain;
    std::string packed;
    Compression compression = Compression::kNone;  // of packed
  };

  void OnHeaders(std::string bytes) override;
  void OnMessage(std::string message) override;
  core::Status OnCompressedMessage(std::string message) override;
  void OnEnd() override;
  void OnTrailers(std::string bytes) override;
  void OnCancel() override;
  void OnWindow(uint32_t bytes) override;

  // Without the lock: they take time.
  absl::Status Unpack(Request request, std::string* message);
  Reply Pack(std::string_view reply) const;

  // Under the lock.
  void AddRequest(Request request);
  void AbortLocked(const absl::Status& status);
  bool AbortIfLate();
  void SendInitialLocked();
  // RESOURCE_EXHAUSTED: it is too long.
  absl::Status SendMessageLocked(const Reply& reply);
  void FinishLocked(const absl::Status& status);
  void CountUnsent();
  // Gives the caller the credit that it may have now. In line with the other
  // frames, because none may come behind the last.
  void Grant();
  void DropMessages();

  bool TakesRequests() const {
    return kind_ == MethodKind::kClientStreaming ||
           kind_ == MethodKind::kBidiStreaming;
  }

  const CallContext::Caller caller_;
  const Options options_;
  const MethodKind kind_;
  CallPort* const port_;
  const core::FrameHeader answer_;  // of each frame of the answer
  bool chained_ = false;            // set before `opened`

  mutable std::mutex mutex_;  // for everything below, but context_'s content
  std::condition_variable changed_;
  core::CallAssembler assembler_;
  core::CallSender sender_;
  std::optional<CallContext> context_;  // from the headers on
  // Messages that no method has read; that of a unary method is apart, because
  // it needs no list.
  Request request_{};
  std::list<Request> messages_;
  size_t held_bytes_ = 0;    // of the port's budget
  size_t unsent_bytes_ = 0;  // of the port's budget
  size_t messages_seen_ = 0;
  absl::Status outcome_;
  bool ended_ = false;  // no more messages come
  bool started_ = false;
  bool finished_ = false;  // the method has returned
  bool aborted_ = false;
  bool initial_sent_ = false;
  Compression reply_encoding_ = Compression::kNone;  // when that is sent
  bool sending_ = false;  // a thread writes what it took
  std::string frames_;    // to be written
};

}  // namespace ramet::stub

#endif  // STUB_SERVED_CALL_H_
