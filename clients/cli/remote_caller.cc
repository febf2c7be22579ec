#include "clients/cli/remote_caller.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "clients/cc/front_door_channel.h"
#include "ramet/v1/contexts.grpc.pb.h"

namespace ramet::cli {
namespace {

absl::Status NameDoor(const absl::Status& status, const std::string& address) {
  if (!absl::IsUnavailable(status) ||
      !absl::StrContains(status.message(), "ailed to connect to")) {
    return status;
  }
  return absl::UnavailableError(
      absl::StrCat("no master answers on ", address, ": ", status.message()));
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status, const std::string& address) {
  return NameDoor(
      absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                   status.error_message()),
      address);
}

RemoteCaller::RemoteCaller(const Flags& flags)
    : flags_(flags), channel_(clients::ConnectFrontDoor(flags.master)) {}

absl::StatusOr<std::unique_ptr<Caller>> RemoteCaller::Create(
    const Flags& flags) {
  std::unique_ptr<RemoteCaller> caller(new RemoteCaller(flags));
  for (const std::string& module : flags.modules) {
    const absl::Status status = caller->local_.LoadFile(module);
    if (!status.ok()) return status;
  }
  return std::unique_ptr<Caller>(std::move(caller));
}

void RemoteCaller::SetDeadline(grpc::ClientContext* context) const {
  if (flags_.deadline < absl::InfiniteDuration()) {
    context->set_deadline(absl::ToChronoTime(absl::Now() + flags_.deadline));
  }
}

absl::StatusOr<std::string> RemoteCaller::Describe(const std::string& service) {
  const auto bundle = local_.FindService(service);
  if (bundle != nullptr) return bundle->manifest().file_descriptor_set();
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::DescribeRequest request;
  v1::DescribeReply reply;
  request.set_service(service);
  const grpc::Status status =
      v1::Modules::NewStub(channel_)->Describe(&context, request, &reply);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
    return absl::UnimplementedError(status.error_message());
  }
  if (!status.ok()) return FromGrpc(status, flags_.master);
  return reply.file_descriptor_set();
}

absl::StatusOr<stub::Context> RemoteCaller::Open(const std::string& target) {
  return clients::FrontDoorContext(channel_, target);
}

absl::Status RemoteCaller::Explain(const absl::Status& status) {
  return NameDoor(status, flags_.master);
}

}  // namespace ramet::cli
