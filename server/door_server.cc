#include "server/door_server.h"

#include <grpcpp/server_posix.h>
#include <limits.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/front_door.h"

namespace ramet::server {
namespace {

// Who has connected and not proved who it is after this long is not going to.
constexpr absl::Duration kHandshakeTimeout = absl::Seconds(10);
// Calls at once on one connection, so that one client's are bounded; more wait
// at the client.
constexpr int kMaxCallsPerConnection = 10'000;
// A client may ask for a sign of life this often.
constexpr absl::Duration kMinClientPing = absl::Seconds(10);
// What a client may send of a call before it is read. By itself gRPC would let
// that grow to some MiB, for each call that a method does not read.
constexpr int kUnreadBytesPerCall = 256 * 1024;

int ToMs(absl::Duration duration) {
  return static_cast<int>(
      std::min<int64_t>(absl::ToInt64Milliseconds(duration), INT_MAX));
}

}  // namespace

DoorServer::DoorServer(const DoorParts& parts, std::optional<Caller> caller)
    : gatekeeper_(parts.state, std::move(caller)),
      contexts_(
          {parts.master, parts.tree, parts.logs, parts.streams, &gatekeeper_},
          parts.connect),
      modules_(parts.master, parts.streams, &gatekeeper_),
      health_(parts.health, &gatekeeper_, parts.streams.get()),
      reflection_(parts.worlds, &gatekeeper_, parts.streams.get()),
      reflection_v1alpha_(parts.worlds, &gatekeeper_, parts.streams.get()),
      channelz_(&gatekeeper_) {}

DoorServer::DoorServer(const DoorParts& parts, Caller caller)
    : DoorServer(parts, std::optional<Caller>(std::move(caller))) {
  grpc::ServerBuilder builder;
  Build(parts, &builder);
}

absl::StatusOr<std::unique_ptr<DoorServer>> DoorServer::Listen(
    const DoorParts& parts,
    const std::shared_ptr<grpc::ServerCredentials>& credentials,
    std::vector<ListenAddress>* addresses) {
  std::unique_ptr<DoorServer> server(new DoorServer(parts, std::nullopt));
  grpc::ServerBuilder builder;
  std::vector<int> ports(addresses->size());
  for (size_t i = 0; i < addresses->size(); ++i) {
    // Without the scheme.
    builder.AddListeningPort((*addresses)[i].ToString().substr(4), credentials,
                             &ports[i]);
  }
  server->Build(parts, &builder);
  for (size_t i = 0; i < addresses->size(); ++i) {
    if (server->server_ == nullptr || ports[i] == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", (*addresses)[i].ToString(),
                       ": its host or port can't be used here"));
    }
    (*addresses)[i].port = static_cast<uint16_t>(ports[i]);
  }
  return server;
}

void DoorServer::Build(const DoorParts& parts, grpc::ServerBuilder* builder) {
  builder->RegisterService(&contexts_);
  builder->RegisterService(&modules_);
  builder->RegisterService(&health_);
  builder->RegisterService(&reflection_);
  builder->RegisterService(&reflection_v1alpha_);
  builder->RegisterService(&channelz_);
  proxy_ = std::make_unique<ProxyService>(parts.master, parts.connect,
                                          &gatekeeper_, parts.chains, builder);
  builder->SetMaxReceiveMessageSize(FrontDoor::kMaxMessageBytes);
  builder->SetMaxSendMessageSize(-1);
  builder->AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 1);
  // Two masters on one port would share its connections.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                              kMaxCallsPerConnection);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES,
                              kUnreadBytesPerCall);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              ToMs(kHandshakeTimeout));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                              ToMs(parts.keepalive));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              ToMs(FrontDoor::kKeepaliveTimeout));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      ToMs(kMinClientPing));
  server_ = builder->BuildAndStart();
  if (server_ != nullptr) proxy_->Start();
}

// The proxy's queue ends after the server's calls and before the server.
DoorServer::~DoorServer() { Shutdown(absl::ZeroDuration()); }

void DoorServer::Add(core::UniqueFd connection) {
  grpc::AddInsecureChannelFromFd(server_.get(), connection.Release());
}

void DoorServer::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() +
                    absl::ToChronoMicroseconds(grace));
  server_->Wait();
}

}  // namespace ramet::server
