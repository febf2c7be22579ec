#include "clients/cli/remote_caller.h"

#include <grpcpp/generic/generic_stub.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "ramet/v1/contexts.grpc.pb.h"

namespace ramet::cli {
namespace {

// An error text of 1 MiB, percent-encoded at worst.
constexpr int kMaxMetadataBytes = 4 * 1024 * 1024;

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

absl::Status FromGrpc(const grpc::Status& status, const std::string& address) {
  std::string text = status.error_message();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE &&
      (absl::StrContains(text, "failed to connect") ||
       absl::StrContains(text, "ailed to connect to all addresses"))) {
    text = absl::StrCat("no master answers on ", address, ": ", text);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), text);
}

RemoteCaller::RemoteCaller(const Flags& flags)
    : flags_(flags), channel_(MakeChannel(flags.master)) {}

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

absl::StatusOr<std::string> RemoteCaller::Call(const std::string& target,
                                               const std::string& method,
                                               const std::string& request) {
  grpc::ClientContext context;
  SetDeadline(&context);
  context.AddMetadata("ramet-target", target);
  context.AddMetadata("ramet-max-error-bytes", "1048576");
  grpc::GenericStub stub(channel_);
  grpc::Slice slice(request);
  grpc::ByteBuffer request_buffer(&slice, 1);
  grpc::ByteBuffer reply_buffer;
  grpc::Status status;
  absl::Notification done;
  stub.UnaryCall(&context, "/" + method, grpc::StubOptions(), &request_buffer,
                 &reply_buffer, [&](grpc::Status result) {
                   status = std::move(result);
                   done.Notify();
                 });
  done.WaitForNotification();
  if (!status.ok()) return FromGrpc(status, flags_.master);
  std::vector<grpc::Slice> slices;
  std::string reply;
  if (!reply_buffer.Dump(&slices).ok()) {
    return absl::InternalError("unreadable reply");
  }
  for (const grpc::Slice& piece : slices) {
    reply.append(reinterpret_cast<const char*>(piece.begin()), piece.size());
  }
  return reply;
}

}  // namespace ramet::cli
