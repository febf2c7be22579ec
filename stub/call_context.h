#ifndef STUB_CALL_CONTEXT_H_
#define STUB_CALL_CONTEXT_H_

#include <stddef.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"
#include "stub/call_origin.h"
#include "stub/call_tie.h"
#include "stub/client_interceptor.h"
#include "stub/compression.h"
#include "stub/context.h"
#include "stub/metadata.h"
#include "stub/one_shot_event.h"

namespace ramet::stub {

class CancelCallback;

// What a method knows about the call that it serves, beside the request, and
// what it answers beside the reply. Owned by the runtime, and valid until the
// method returns.
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

  // Metadata of the answer: before its first message, and with its end. A key
  // may be given several times. False, and nothing is added, for what
  // CheckMetadata() refuses, for more than kMaxMetadataBytes together, and for
  // initial metadata when that is out already (ServerWriter::
  // SendInitialMetadata() and the first message send it).
  bool AddInitialMetadata(std::string key, std::string value) const;
  bool AddTrailingMetadata(std::string key, std::string value) const;

  // Whether the request that the method got last came compressed.
  bool request_compressed() const { return request_compressed_; }
  // From now on replies are compressed when that makes them smaller, and when
  // the caller takes this compression; or no more (kNone). Only what is asked
  // for before the first reply, and before initial metadata is sent, can be
  // asked for again later.
  void CompressReplies(Compression compression) const;

  // Contexts that the method may call in turn, on the authority of its own
  // module, which nobody is below: so it may call what is for ANY, and what is
  // for SELF in its own context. A call kTied to this one has its deadline, and
  // is cancelled when this one is over or its method has returned; one that is
  // kFree is not, and its context may be kept for as long as the process.
  //
  // Calls fail with UNAVAILABLE where no context is; all fail with
  // FAILED_PRECONDITION in a service that runs in no module.
  enum class Tie { kTied, kFree };
  Context master(Tie tie = Tie::kTied) const;
  // The module's own context, to reach its other modules; and that one's
  // parent.
  Context own_context(Tie tie = Tie::kTied) const;
  Context parent(Tie tie = Tie::kTied) const;
  // Who calls.
  Context caller_context(Tie tie = Tie::kTied) const;
  Context context_by_id(core::ContextId id, Tie tie = Tie::kTied) const;
  // Contexts that are asked for from now on have their calls seen by
  // `interceptor`, the last one first. For interceptors of the service.
  void InterceptCalls(std::shared_ptr<ClientInterceptor> interceptor) const;

  // True when nobody waits for the answer any more: the caller gave up, or the
  // deadline passed. A long method asks now and then, and returns early.
  bool is_cancelled() const;
  bool deadline_passed() const;
  // Sleeps until is_cancelled(), or for `duration`; true in the first case.
  bool WaitUntilCancelled(absl::Duration duration) const;

  const core::CallHeaders& headers() const { return headers_; }

  // The runtime's side, and a test's. Cancel() runs the callbacks, on this
  // thread; MarkCancelled() leaves that to a Cancel() which must follow.
  void MarkCancelled() { cancelled_.Set(); }
  void Cancel();
  // Before the method runs. Null: it can call nobody.
  void SetOrigin(CallOrigin* origin) { origin_ = origin; }
  // The method has returned: cancels what is tied to its call.
  void EndTiedCalls() const;
  // What was added; no more can be.
  MetadataPairs TakeInitialMetadata() const;
  MetadataPairs TakeTrailingMetadata() const;
  // What compressed requests are compressed with, a number of the wire.
  uint32_t request_encoding() const { return headers_.encoding; }
  Compression reply_compression() const { return reply_compression_; }
  // Compress() with that. By way of CompressReplies(), so that a module which
  // never says that does not have the code.
  bool CompressReply(std::string_view reply, std::string* compressed) const {
    const Compressor compressor = compressor_;
    return compressor != nullptr &&
           compressor(reply_compression_, reply, compressed);
  }
  void set_request_compressed(bool compressed) {
    request_compressed_ = compressed;
  }

 private:
  friend class CancelCallback;

  struct Answer {
    MetadataPairs metadata;
    size_t bytes = 0;
    bool taken = false;
  };
  bool Add(Answer* answer, std::string key, std::string value) const;
  MetadataPairs Take(Answer* answer) const;
  std::shared_ptr<CallTie> TiedCalls() const;

  const core::CallHeaders headers_{};
  const Caller caller_{};
  const absl::Time deadline_ = absl::InfiniteFuture();
  CallOrigin* origin_ = nullptr;
  OneShotEvent cancelled_;
  std::atomic<bool> request_compressed_{false};
  using Compressor = bool (*)(Compression, std::string_view, std::string*);
  mutable std::atomic<Compression> reply_compression_{Compression::kNone};
  mutable std::atomic<Compressor> compressor_{nullptr};  // when accepted

  mutable std::mutex mutex_;  // for the answers, tied_ and interceptors_
  mutable std::shared_ptr<CallTie> tied_;  // from the first tied context on
  mutable ClientInterceptors interceptors_;
  mutable Answer initial_;
  mutable Answer trailing_;

  // Held while callbacks run, so that none outlives its owner.
  mutable std::mutex callbacks_mutex_;
  mutable std::vector<CancelCallback*> callbacks_;
};

// Runs a function when a call is cancelled or its deadline passes, for as long
// as this object lives: at once when that happened before, otherwise on
// another thread, where it must not block. So a method ties to the call what
// can't ask is_cancelled():
//
//   CancelCallback kill_it(context, [pid] { kill(pid, SIGKILL); });
//   waitpid(pid, &status, 0);
//
// Its destructor waits for the function to return; it must not be destroyed
// by the function, which may use the context but make no other CancelCallback.
class CancelCallback {
 public:
  CancelCallback(const CallContext& context, std::function<void()> function);
  ~CancelCallback();
  CancelCallback(const CancelCallback&) = delete;
  CancelCallback& operator=(const CancelCallback&) = delete;

 private:
  friend class CallContext;

  const CallContext& context_;
  const std::function<void()> function_;
};

}  // namespace ramet::stub

#endif  // STUB_CALL_CONTEXT_H_
