#include "clients/cli/remote_caller.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "clients/cc/front_door_channel.h"
#include "ramet/v1/modules.grpc.pb.h"

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

absl::StatusOr<std::string> ReadPem(absl::string_view flag,
                                    const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--master tcp:HOST:PORT needs ", flag));
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)),
                    std::istreambuf_iterator<char>());
  if (!file.good() && bytes.empty()) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path));
  }
  return bytes;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const Flags& flags) {
  const auto certificate = ReadPem("--tls-cert", flags.tls_cert);
  if (!certificate.ok()) return certificate.status();
  const auto key = ReadPem("--tls-key", flags.tls_key);
  if (!key.ok()) return key.status();
  const auto ca = ReadPem("--tls-ca", flags.tls_ca);
  if (!ca.ok()) return ca.status();
  grpc::SslCredentialsOptions options;
  options.pem_cert_chain = *certificate;
  options.pem_private_key = *key;
  options.pem_root_certs = *ca;
  return grpc::SslCredentials(options);
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const Flags& flags) {
  absl::string_view address = flags.master;
  if (!absl::ConsumePrefix(&address, "tcp:")) {
    return clients::ConnectFrontDoor(flags.master);
  }
  const auto credentials = MakeCredentials(flags);
  if (!credentials.ok()) return credentials.status();
  return clients::ConnectFrontDoor(std::string(address), *credentials);
}

absl::Status FromGrpc(const grpc::Status& status, const std::string& address) {
  return NameDoor(
      absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                   status.error_message()),
      address);
}

RemoteCaller::RemoteCaller(const Flags& flags,
                           std::shared_ptr<grpc::Channel> channel)
    : flags_(flags), channel_(std::move(channel)) {}

absl::StatusOr<std::unique_ptr<Caller>> RemoteCaller::Create(
    const Flags& flags) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = MakeChannel(flags);
  if (!channel.ok()) return channel.status();
  std::unique_ptr<RemoteCaller> caller(
      new RemoteCaller(flags, *std::move(channel)));
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
