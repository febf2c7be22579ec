#include "stub/client_call.h"

#include "stub/call_chain.h"
#include "stub/call_start.h"
#include "stub/unary_over_call.h"

namespace ramet::stub {
namespace {

absl::StatusOr<std::string> CheckReply(absl::StatusOr<std::string> reply,
                                       size_t max_reply_bytes) {
  if (!reply.ok() || reply->size() <= max_reply_bytes) return reply;
  return TooLong("reply", reply->size(), max_reply_bytes);
}

}  // namespace

absl::Status PrepareRequest(const Context& context, const char* method,
                            const google::protobuf::MessageLite& request,
                            const CallOptions& options, std::string* bytes) {
  absl::Status status = CheckStart(context, method, options);
  if (status.ok()) status = SerializeRequest(request, method, bytes);
  if (status.ok() && bytes->size() > options.max_request_bytes) {
    status = TooLong("request", bytes->size(), options.max_request_bytes);
  }
  return status;
}

absl::StatusOr<std::string> CallUnaryBytes(
    const Context& context, const char* method,
    const google::protobuf::MessageLite& request, const CallOptions& options) {
  // The channel knows the cheapest way, which is for simple calls.
  if (options.reply_metadata != nullptr || options.chain != nullptr ||
      options.compression != Compression::kNone) {
    return StartUnaryBytes(context, method, request, options)->Take();
  }
  std::string bytes;
  absl::Status status =
      PrepareRequest(context, method, request, options, &bytes);
  if (!status.ok()) return status;
  return CheckReply(
      context.channel()->CallUnary(method, std::move(bytes), options),
      options.max_reply_bytes);
}

std::shared_ptr<PendingResult> StartUnaryBytes(
    const Context& context, const char* method,
    const google::protobuf::MessageLite& request, const CallOptions& options) {
  auto result = std::make_shared<PendingResult>();
  std::string bytes;
  absl::Status status =
      PrepareRequest(context, method, request, options, &bytes);
  if (!status.ok()) {
    result->Set(std::move(status));
    return result;
  }
  auto done = [result, max_reply_bytes = options.max_reply_bytes](
                  absl::StatusOr<std::string> reply) {
    result->Set(CheckReply(std::move(reply), max_reply_bytes));
  };
  if (options.chain != nullptr) {
    const std::shared_ptr<ChainState> chain = options.chain;
    chain->StartUnary(context.channel(), method, std::move(bytes), options,
                      std::move(done));
  } else if (options.reply_metadata != nullptr ||
             options.compression != Compression::kNone) {
    StartUnaryOverCall(context.channel(), method, std::move(bytes), options,
                       std::move(done));
  } else {
    context.channel()->StartUnary(method, std::move(bytes), options,
                                  std::move(done));
  }
  return result;
}

std::shared_ptr<ClientStream> StartServerStream(
    const Context& context, const char* method,
    const google::protobuf::MessageLite& request, const CallOptions& options) {
  std::string bytes;
  absl::Status status =
      PrepareRequest(context, method, request, options, &bytes);
  if (!status.ok()) return ClientStream::Failed(method, std::move(status));
  std::shared_ptr<ClientStream> stream =
      ClientStream::Start(context, method, options);
  stream->SendLast(std::move(bytes));
  return stream;
}

}  // namespace ramet::stub
