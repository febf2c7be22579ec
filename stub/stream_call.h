#ifndef STUB_STREAM_CALL_H_
#define STUB_STREAM_CALL_H_

#include <stddef.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "stub/call_credit.h"
#include "stub/call_options.h"
#include "stub/call_start.h"
#include "stub/context.h"
#include "stub/message_bytes.h"
#include "stub/raw_call.h"

namespace ramet::stub {

// What a call of any kind gives a caller that does not block. In this order:
// initial metadata, when there is any; replies; the end, once, and nothing
// after it.
//
// Threads: the channel's own, one callback at a time; none may block. The end
//   may come within the call that starts it.
// Ownership: the call shares it until the end.
template <typename Reply>
class StreamListener {
 public:
  virtual ~StreamListener() = default;

  virtual void OnInitialMetadata(MetadataPairs metadata) {}
  // The callee may send more when `credit` is gone: drop it, or keep it for as
  // long as the reply is to be held against the callee.
  virtual void OnReply(Reply reply, MessageCredit credit) = 0;
  // StreamCall::HasSendRoom() is true again after it was false.
  virtual void OnSendRoom() {}
  virtual void OnEnd(CallEnd end) = 0;
};

// A call with a StreamListener. Copies are the same call; dropping the last one
// lets it run on.
//
// Threads: any. Nothing blocks.
template <typename Request>
class StreamCall {
 public:
  // For generated code.
  StreamCall(std::shared_ptr<RawCall> raw, const char* method,
             size_t max_request_bytes)
      : raw_(std::move(raw)),
        method_(method),
        max_request_bytes_(max_request_bytes) {}

  // Sends a request behind those before it, and keeps it while the callee has
  // no room for it: who sends much waits for OnSendRoom() when HasSendRoom()
  // is false. Without effect after the end and after CloseSend().
  //
  // INVALID_ARGUMENT: a required field is not set; RESOURCE_EXHAUSTED: it is
  // longer than allowed. Nothing is sent then.
  absl::Status Send(const Request& request) {
    std::string bytes;
    absl::Status status = SerializeRequest(request, method_, &bytes);
    if (!status.ok() || raw_ == nullptr) return status;
    if (bytes.size() > max_request_bytes_) {
      return TooLong("request", bytes.size(), max_request_bytes_);
    }
    raw_->Send(std::move(bytes));
    return absl::OkStatus();
  }
  // For generated code: the one request, without the checks.
  void SendLastBytes(std::string request) {
    if (raw_ != nullptr) raw_->SendLast(std::move(request));
  }
  // No more requests come.
  void CloseSend() {
    if (raw_ != nullptr) raw_->CloseSend();
  }
  bool HasSendRoom() const { return raw_ == nullptr || raw_->HasSendRoom(); }
  // Ends the call with CANCELLED; without effect after the end.
  void Cancel() {
    if (raw_ != nullptr) raw_->Cancel();
  }

 private:
  std::shared_ptr<RawCall> raw_;  // null: it never began
  const char* method_;
  size_t max_request_bytes_;
};

namespace internal {

// Bytes to replies.
template <typename Reply>
class TypedListener final : public RawCallListener {
 public:
  TypedListener(std::shared_ptr<StreamListener<Reply>> listener,
                const char* method, size_t max_reply_bytes)
      : listener_(std::move(listener)),
        method_(method),
        max_reply_bytes_(max_reply_bytes) {}

  const std::shared_ptr<CreditReturn>& credits() const { return credits_; }

  void OnInitialMetadata(MetadataPairs metadata) override {
    listener_->OnInitialMetadata(std::move(metadata));
  }
  void OnMessage(std::string message) override {
    MessageCredit credit(credits_, message.size());
    if (!failure_.ok()) return;
    if (message.size() > max_reply_bytes_) {
      failure_ = TooLong("reply", message.size(), max_reply_bytes_);
    } else {
      Reply reply;
      failure_ = ParseReply(message, method_, &reply);
      if (failure_.ok()) {
        return listener_->OnReply(std::move(reply), std::move(credit));
      }
    }
    credits_->Cancel();
  }
  void OnSendRoom() override { listener_->OnSendRoom(); }
  void OnEnd(CallEnd end) override {
    if (!failure_.ok()) end.status = failure_;
    listener_->OnEnd(std::move(end));
  }

 private:
  const std::shared_ptr<StreamListener<Reply>> listener_;
  const std::shared_ptr<CreditReturn> credits_ =
      std::make_shared<CreditReturn>();
  const char* const method_;
  const size_t max_reply_bytes_;
  absl::Status failure_;  // of a reply that can't be read
};

}  // namespace internal

// For generated code.
template <typename Request, typename Reply>
StreamCall<Request> StartStreamCall(
    const Context& context, const char* method, const CallOptions& options,
    std::shared_ptr<StreamListener<Reply>> listener) {
  absl::Status status = CheckStreamStart(context, method, options);
  std::shared_ptr<RawCall> raw;
  if (status.ok()) {
    auto typed = std::make_shared<internal::TypedListener<Reply>>(
        std::move(listener), method, options.max_reply_bytes);
    raw = context.channel()->StartCall(method, options, typed);
    typed->credits()->SetCall(raw);
  } else {
    listener->OnEnd({std::move(status), {}});
  }
  return StreamCall<Request>(std::move(raw), method, options.max_request_bytes);
}

}  // namespace ramet::stub

#endif  // STUB_STREAM_CALL_H_
