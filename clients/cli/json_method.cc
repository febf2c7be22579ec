#include "clients/cli/json_method.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"

namespace ramet::cli {

namespace pb = google::protobuf;

absl::StatusOr<std::unique_ptr<JsonMethod>> JsonMethod::Create(
    const std::string& file_descriptor_set, const std::string& method) {
  pb::FileDescriptorSet files;
  if (!files.ParseFromString(file_descriptor_set)) {
    return absl::DataLossError("malformed descriptors");
  }
  auto result = std::make_unique<JsonMethod>();
  for (const pb::FileDescriptorProto& file : files.file()) {
    if (result->pool_.BuildFile(file) == nullptr) {
      return absl::DataLossError(
          absl::StrCat("inconsistent descriptors: ", file.name()));
    }
  }
  const size_t slash = method.find('/');
  const pb::ServiceDescriptor* const service =
      result->pool_.FindServiceByName(method.substr(0, slash));
  if (service == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("unknown service ", method.substr(0, slash)));
  }
  result->method_ = service->FindMethodByName(method.substr(slash + 1));
  if (result->method_ == nullptr) {
    return absl::UnimplementedError(absl::StrCat("unknown method ", method));
  }
  return result;
}

absl::StatusOr<std::string> JsonMethod::ParseRequest(const std::string& json) {
  const std::unique_ptr<pb::Message> message(
      factory_.GetPrototype(method_->input_type())->New());
  const auto status = pb::util::JsonStringToMessage(json, message.get());
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "bad JSON for ", std::string(method_->input_type()->full_name()), ": ",
        std::string(status.message())));
  }
  return message->SerializeAsString();
}

absl::StatusOr<std::string> JsonMethod::PrintReply(const std::string& bytes) {
  const std::unique_ptr<pb::Message> message(
      factory_.GetPrototype(method_->output_type())->New());
  std::string json;
  if (!message->ParseFromString(bytes) ||
      !pb::util::MessageToJsonString(*message, &json).ok()) {
    return absl::InternalError(
        absl::StrCat("the reply is not a ",
                     std::string(method_->output_type()->full_name())));
  }
  return json;
}

}  // namespace ramet::cli
