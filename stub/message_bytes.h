#ifndef STUB_MESSAGE_BYTES_H_
#define STUB_MESSAGE_BYTES_H_

#include <google/protobuf/message_lite.h>

#include <string>

#include "absl/status/status.h"

namespace ramet::stub {

// Messages to bytes and back, with errors that say what to do. `method`
// ("/demo.v1.Greeter/SayHello") is named in texts. Pure.

// INVALID_ARGUMENT: a required field (proto2) is not set.
absl::Status SerializeRequest(const google::protobuf::MessageLite& request,
                              const char* method, std::string* bytes);
// INVALID_ARGUMENT: the caller's bytes are no such message.
absl::Status ParseRequest(const std::string& bytes,
                          google::protobuf::MessageLite* request);
// INTERNAL: the service left a required field unset.
absl::Status SerializeReply(const google::protobuf::MessageLite& reply,
                            std::string* bytes);
// INTERNAL: the service's bytes are no such message; the two sides were built
// from different definitions.
absl::Status ParseReply(const std::string& bytes, const char* method,
                        google::protobuf::MessageLite* reply);

}  // namespace ramet::stub

#endif  // STUB_MESSAGE_BYTES_H_
