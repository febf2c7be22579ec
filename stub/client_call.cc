#include "stub/client_call.h"

namespace ramet::stub {
namespace {

absl::Status Prepare(const Context& context, const char* method,
                     const google::protobuf::MessageLite& request,
                     std::string* bytes) {
  if (context.channel() == nullptr) {
    return absl::FailedPreconditionError(
        std::string(method) +
        ": the stub was made from a context that is not connected");
  }
  return SerializeRequest(request, method, bytes);
}

}  // namespace

absl::StatusOr<std::string> CallUnaryBytes(
    const Context& context, const char* method,
    const google::protobuf::MessageLite& request, const CallOptions& options) {
  std::string bytes;
  absl::Status status = Prepare(context, method, request, &bytes);
  if (!status.ok()) return status;
  return context.channel()->CallUnary(method, std::move(bytes), options);
}

std::shared_ptr<PendingResult> StartUnaryBytes(
    const Context& context, const char* method,
    const google::protobuf::MessageLite& request, const CallOptions& options) {
  auto result = std::make_shared<PendingResult>();
  std::string bytes;
  absl::Status status = Prepare(context, method, request, &bytes);
  if (!status.ok()) {
    result->Set(std::move(status));
    return result;
  }
  context.channel()->StartUnary(method, std::move(bytes), options,
                                [result](absl::StatusOr<std::string> reply) {
                                  result->Set(std::move(reply));
                                });
  return result;
}

}  // namespace ramet::stub
