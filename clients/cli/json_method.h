#ifndef CLIENTS_CLI_JSON_METHOD_H_
#define CLIENTS_CLI_JSON_METHOD_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace ramet::cli {

// Turns JSON (protobuf's mapping) into the bytes of one method's request, and
// the bytes of its reply into JSON. Owns the descriptors. Threads: any.
class JsonMethod {
 public:
  // `file_descriptor_set` is serialized; `method` is "SERVICE/METHOD".
  // UNIMPLEMENTED: it is not in there. DATA_LOSS: no descriptors.
  static absl::StatusOr<std::unique_ptr<JsonMethod>> Create(
      const std::string& file_descriptor_set, const std::string& method);

  bool client_streaming() const { return method_->client_streaming(); }
  bool server_streaming() const { return method_->server_streaming(); }

  // INVALID_ARGUMENT with what is wrong and where.
  absl::StatusOr<std::string> ParseRequest(const std::string& json);
  // INTERNAL: the bytes are no such message.
  absl::StatusOr<std::string> PrintReply(const std::string& bytes);

 private:
  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_{&pool_};
  const google::protobuf::MethodDescriptor* method_ = nullptr;
};

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_JSON_METHOD_H_
