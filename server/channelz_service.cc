#include "server/channelz_service.h"

#include <google/protobuf/util/json_util.h>
#include <grpc/grpc.h>
#include <grpc/support/alloc.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

namespace ramet::server {

namespace v1 = grpc::channelz::v1;

template <typename Json>
grpc::Status ChannelzService::Answer(const grpc::ServerContext& context,
                                     const char* method, const Json& json,
                                     google::protobuf::Message* reply) const {
  const auto admission = gatekeeper_->Admit(
      context, absl::StrCat("grpc.channelz.v1.Channelz/", method));
  if (!admission.ok()) return ToGrpc(admission.status());
  const std::unique_ptr<char, void (*)(void*)> text(json(), &gpr_free);
  if (text == nullptr) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no object of that id");
  }
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(text.get(), reply);
  if (!parsed.ok()) {
    return grpc::Status(grpc::StatusCode::INTERNAL,
                        "gRPC's own figures can't be read");
  }
  return grpc::Status::OK;
}

grpc::Status ChannelzService::GetTopChannels(
    grpc::ServerContext* context, const v1::GetTopChannelsRequest* request,
    v1::GetTopChannelsResponse* reply) {
  return Answer(
      *context, "GetTopChannels",
      [&] {
        return grpc_channelz_get_top_channels(request->start_channel_id());
      },
      reply);
}

grpc::Status ChannelzService::GetServers(grpc::ServerContext* context,
                                         const v1::GetServersRequest* request,
                                         v1::GetServersResponse* reply) {
  return Answer(
      *context, "GetServers",
      [&] { return grpc_channelz_get_servers(request->start_server_id()); },
      reply);
}

grpc::Status ChannelzService::GetServer(grpc::ServerContext* context,
                                        const v1::GetServerRequest* request,
                                        v1::GetServerResponse* reply) {
  return Answer(
      *context, "GetServer",
      [&] { return grpc_channelz_get_server(request->server_id()); }, reply);
}

grpc::Status ChannelzService::GetServerSockets(
    grpc::ServerContext* context, const v1::GetServerSocketsRequest* request,
    v1::GetServerSocketsResponse* reply) {
  return Answer(
      *context, "GetServerSockets",
      [&] {
        return grpc_channelz_get_server_sockets(request->server_id(),
                                                request->start_socket_id(),
                                                request->max_results());
      },
      reply);
}

grpc::Status ChannelzService::GetChannel(grpc::ServerContext* context,
                                         const v1::GetChannelRequest* request,
                                         v1::GetChannelResponse* reply) {
  return Answer(
      *context, "GetChannel",
      [&] { return grpc_channelz_get_channel(request->channel_id()); }, reply);
}

grpc::Status ChannelzService::GetSubchannel(
    grpc::ServerContext* context, const v1::GetSubchannelRequest* request,
    v1::GetSubchannelResponse* reply) {
  return Answer(
      *context, "GetSubchannel",
      [&] { return grpc_channelz_get_subchannel(request->subchannel_id()); },
      reply);
}

grpc::Status ChannelzService::GetSocket(grpc::ServerContext* context,
                                        const v1::GetSocketRequest* request,
                                        v1::GetSocketResponse* reply) {
  return Answer(
      *context, "GetSocket",
      [&] { return grpc_channelz_get_socket(request->socket_id()); }, reply);
}

}  // namespace ramet::server
