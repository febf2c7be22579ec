#include <stdio.h>

#include <memory>

#include "clients/cc/front_door_channel.h"
#include "clients/cli/commands.h"
#include "clients/cli/remote_caller.h"
#include "ramet/v1/contexts.grpc.pb.h"

namespace ramet::cli {
namespace {

void Print(const v1::ContextInfo& info) {
  printf("%u\t%s\t%s\t%s\tpid %u\tuid %u\n", info.id(), info.name().c_str(),
         info.ready() ? "ready" : "connecting", info.hostname().c_str(),
         info.pid(), info.uid());
}

void Print(const v1::LinkInfo& link) {
  printf("%u\t%s\tin %llu frames, %llu bytes\tout %llu frames, %llu bytes",
         link.peer_id(), link.name().c_str(),
         static_cast<unsigned long long>(link.frames_in()),
         static_cast<unsigned long long>(link.bytes_in()),
         static_cast<unsigned long long>(link.frames_out()),
         static_cast<unsigned long long>(link.bytes_out()));
  printf(
      "\trefused %llu sources, %llu routes, %llu full\tslowed %llu times"
      "\tqueue %llu bytes, at most %llu\n",
      static_cast<unsigned long long>(link.refused_sources()),
      static_cast<unsigned long long>(link.refused_routes()),
      static_cast<unsigned long long>(link.refused_full()),
      static_cast<unsigned long long>(link.slowed()),
      static_cast<unsigned long long>(link.queued_bytes()),
      static_cast<unsigned long long>(link.queue_high_water_bytes()));
}

}  // namespace

absl::Status RunContexts(const Flags& flags) {
  const auto stub =
      v1::Contexts::NewStub(clients::ConnectFrontDoor(flags.master));
  grpc::ClientContext context;
  if (flags.deadline < absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + flags.deadline));
  }
  grpc::Status status;
  if (flags.arguments[0] == "list") {
    v1::ListReply reply;
    status = stub->List(&context, v1::ListRequest(), &reply);
    for (const v1::ContextInfo& info : reply.contexts()) Print(info);
  } else if (flags.arguments[0] == "connect") {
    v1::ConnectRequest request;
    v1::ContextInfo reply;
    request.set_target(flags.arguments[1]);
    status = stub->Connect(&context, request, &reply);
    if (status.ok()) Print(reply);
  } else if (flags.arguments[0] == "detach") {
    v1::DetachRequest request;
    v1::ContextInfo reply;
    request.set_name(flags.arguments[1]);
    status = stub->Detach(&context, request, &reply);
    // Nobody can be asked for it afterwards.
    if (status.ok()) {
      printf("%s\tdetached\t%s\tpid %u\tuid %u\n", reply.name().c_str(),
             reply.hostname().c_str(), reply.pid(), reply.uid());
    }
  } else if (flags.arguments[0] == "links") {
    v1::LinksRequest request;
    v1::LinksReply reply;
    if (flags.arguments.size() > 1) request.set_name(flags.arguments[1]);
    status = stub->Links(&context, request, &reply);
    for (const v1::LinkInfo& link : reply.links()) Print(link);
  } else {
    v1::DisconnectRequest request;
    v1::DisconnectReply reply;
    request.set_name(flags.arguments[1]);
    status = stub->Disconnect(&context, request, &reply);
  }
  return status.ok() ? absl::OkStatus() : FromGrpc(status, flags.master);
}

}  // namespace ramet::cli
