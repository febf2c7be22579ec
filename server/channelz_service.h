#ifndef SERVER_CHANNELZ_SERVICE_H_
#define SERVER_CHANNELZ_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "grpc/channelz/v1/channelz.grpc.pb.h"
#include "server/gatekeeper.h"

namespace ramet::server {

// grpc.channelz.v1.Channelz: gRPC's own counts of its connections, of this
// whole process. gRPC's plugin serves the same and asks nobody whether it may.
//
// Errors: NOT_FOUND, there is nothing of that id; INTERNAL.
class ChannelzService final : public grpc::channelz::v1::Channelz::Service {
 public:
  explicit ChannelzService(const Gatekeeper* gatekeeper)
      : gatekeeper_(gatekeeper) {}

  grpc::Status GetTopChannels(
      grpc::ServerContext* context,
      const grpc::channelz::v1::GetTopChannelsRequest* request,
      grpc::channelz::v1::GetTopChannelsResponse* reply) override;
  grpc::Status GetServers(
      grpc::ServerContext* context,
      const grpc::channelz::v1::GetServersRequest* request,
      grpc::channelz::v1::GetServersResponse* reply) override;
  grpc::Status GetServer(grpc::ServerContext* context,
                         const grpc::channelz::v1::GetServerRequest* request,
                         grpc::channelz::v1::GetServerResponse* reply) override;
  grpc::Status GetServerSockets(
      grpc::ServerContext* context,
      const grpc::channelz::v1::GetServerSocketsRequest* request,
      grpc::channelz::v1::GetServerSocketsResponse* reply) override;
  grpc::Status GetChannel(
      grpc::ServerContext* context,
      const grpc::channelz::v1::GetChannelRequest* request,
      grpc::channelz::v1::GetChannelResponse* reply) override;
  grpc::Status GetSubchannel(
      grpc::ServerContext* context,
      const grpc::channelz::v1::GetSubchannelRequest* request,
      grpc::channelz::v1::GetSubchannelResponse* reply) override;
  grpc::Status GetSocket(grpc::ServerContext* context,
                         const grpc::channelz::v1::GetSocketRequest* request,
                         grpc::channelz::v1::GetSocketResponse* reply) override;

 private:
  // Whether the caller may, then what `json` gives, which is gRPC's to free.
  template <typename Json>
  grpc::Status Answer(const grpc::ServerContext& context, const char* method,
                      const Json& json, google::protobuf::Message* reply) const;

  const Gatekeeper* const gatekeeper_;
};

}  // namespace ramet::server

#endif  // SERVER_CHANNELZ_SERVICE_H_
