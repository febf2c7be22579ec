#ifndef STUB_CLIENT_CALL_H_
#define STUB_CLIENT_CALL_H_

#include <google/protobuf/message_lite.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "stub/call_options.h"
#include "stub/client_stream.h"
#include "stub/client_streams.h"
#include "stub/context.h"
#include "stub/message_bytes.h"
#include "stub/pending_call.h"
#include "stub/stream_call.h"

namespace ramet::stub {

// What generated stubs call; nothing here is for anybody else. `method` is a
// literal: "/demo.v1.Greeter/SayHello".

// CheckStart(), and the request's bytes. INVALID_ARGUMENT: it lacks a required
// field; RESOURCE_EXHAUSTED: it is longer than allowed.
absl::Status PrepareRequest(const Context& context, const char* method,
                            const google::protobuf::MessageLite& request,
                            const CallOptions& options, std::string* bytes);

absl::StatusOr<std::string> CallUnaryBytes(
    const Context& context, const char* method,
    const google::protobuf::MessageLite& request, const CallOptions& options);

std::shared_ptr<PendingResult> StartUnaryBytes(
    const Context& context, const char* method,
    const google::protobuf::MessageLite& request, const CallOptions& options);

template <typename Reply>
absl::StatusOr<Reply> CallUnary(const Context& context, const char* method,
                                const google::protobuf::MessageLite& request,
                                const CallOptions& options) {
  absl::StatusOr<std::string> bytes =
      CallUnaryBytes(context, method, request, options);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<Reply> reply(absl::in_place);
  absl::Status status = ParseReply(*bytes, method, &*reply);
  if (!status.ok()) return status;
  return reply;
}

template <typename Reply>
PendingCall<Reply> StartUnary(const Context& context, const char* method,
                              const google::protobuf::MessageLite& request,
                              const CallOptions& options) {
  return PendingCall<Reply>(StartUnaryBytes(context, method, request, options),
                            method);
}

// The request is sent, and nothing behind it.
std::shared_ptr<ClientStream> StartServerStream(
    const Context& context, const char* method,
    const google::protobuf::MessageLite& request, const CallOptions& options);

template <typename Reply, typename Request>
StreamCall<Request> StartServerStreamCall(
    const Context& context, const char* method, const Request& request,
    const CallOptions& options,
    std::shared_ptr<StreamListener<Reply>> listener) {
  // What can't be sent never starts.
  std::string bytes;
  absl::Status status =
      PrepareRequest(context, method, request, options, &bytes);
  if (!status.ok()) {
    listener->OnEnd({std::move(status), {}});
    return StreamCall<Request>(nullptr, method, options.max_request_bytes);
  }
  StreamCall<Request> call = StartStreamCall<Request, Reply>(
      context, method, options, std::move(listener));
  call.SendLastBytes(std::move(bytes));
  return call;
}

}  // namespace ramet::stub

#endif  // STUB_CLIENT_CALL_H_
