#include "stub/message_bytes.h"

namespace ramet::stub {
namespace {

using google::protobuf::MessageLite;

// Parsing and serializing are done in the forms that do not check required
// fields, because the others write to standard error when one is missing.

bool ParseWhole(const std::string& bytes, MessageLite* message) {
  return message->ParsePartialFromString(bytes) && message->IsInitialized();
}

bool SerializeWhole(const MessageLite& message, std::string* bytes) {
  return message.IsInitialized() && message.SerializePartialToString(bytes);
}

std::string BytesAre(const std::string& bytes, const MessageLite& message) {
  return std::to_string(bytes.size()) + " bytes are not a " +
         message.GetTypeName();
}

}  // namespace

absl::Status SerializeRequest(const MessageLite& request, const char* method,
                              std::string* bytes) {
  if (SerializeWhole(request, bytes)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      method + (": the request, a " + request.GetTypeName()) +
      ", lacks a required field or is longer than 2 GiB");
}

absl::Status ParseRequest(const std::string& bytes, MessageLite* request) {
  if (ParseWhole(bytes, request)) return absl::OkStatus();
  return absl::InvalidArgumentError("the request's " +
                                    BytesAre(bytes, *request));
}

absl::Status SerializeReply(const MessageLite& reply, std::string* bytes) {
  if (SerializeWhole(reply, bytes)) return absl::OkStatus();
  return absl::InternalError("the reply, a " + reply.GetTypeName() +
                             ", lacks a required field or is longer than "
                             "2 GiB");
}

absl::Status ParseReply(const std::string& bytes, const char* method,
                        MessageLite* reply) {
  if (ParseWhole(bytes, reply)) return absl::OkStatus();
  return absl::InternalError(method +
                             (": the reply's " + BytesAre(bytes, *reply)));
}

}  // namespace ramet::stub
