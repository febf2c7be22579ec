#include <stdio.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/commands.h"
#include "clients/cli/printable.h"
#include "clients/cli/remote_caller.h"
#include "ramet/v1/contexts.grpc.pb.h"

namespace ramet::cli {
namespace {

using Stub = v1::Contexts::Stub;

unsigned long long Number(uint64_t number) { return number; }

void Print(const v1::ContextInfo& info) {
  printf("%u\t%s\t%s\t%s\tpid %u\tuid %u\n", info.id(), info.name().c_str(),
         info.ready() ? "ready" : "connecting",
         Printable(info.hostname()).c_str(), info.pid(), info.uid());
}

void Print(const v1::LinkInfo& link) {
  printf("%u\t%s\tin %llu frames, %llu bytes\tout %llu frames, %llu bytes",
         link.peer_id(), link.name().c_str(), Number(link.frames_in()),
         Number(link.bytes_in()), Number(link.frames_out()),
         Number(link.bytes_out()));
  printf(
      "\trefused %llu sources, %llu routes, %llu full\tslowed %llu times"
      "\tqueue %llu bytes, at most %llu\n",
      Number(link.refused_sources()), Number(link.refused_routes()),
      Number(link.refused_full()), Number(link.slowed()),
      Number(link.queued_bytes()), Number(link.queue_high_water_bytes()));
}

void Print(const v1::ContextChange& change) {
  const std::string& name = change.context().name();
  switch (change.kind()) {
    case v1::ContextChange::ADDED:
      printf("added\t%s\n", name.c_str());
      break;
    case v1::ContextChange::PHASE:
      printf("phase\t%s\t%s\n", name.c_str(), change.phase().c_str());
      break;
    case v1::ContextChange::READY:
      printf("ready\t%s\t%s\tpid %u\tuid %u\n", name.c_str(),
             Printable(change.context().hostname()).c_str(),
             change.context().pid(), change.context().uid());
      break;
    case v1::ContextChange::LOST:
      printf(
          "lost\t%s\t%s: %s\n", name.c_str(),
          absl::StatusCodeToString(static_cast<absl::StatusCode>(change.code()))
              .c_str(),
          Printable(change.reason()).c_str());
      break;
    default:
      break;
  }
}

void Print(const v1::LogLine& line) {
  if (line.dropped() > 0) {
    printf("[ramet] %llu lines lost: this reader is too slow\n",
           Number(line.dropped()));
  }
  if (line.context().empty()) return;
  printf("[%s] %s: %s\n", line.context().c_str(),
         Printable(line.source()).c_str(), Printable(line.text()).c_str());
}

grpc::Status Connect(Stub* stub, grpc::ClientContext* context,
                     const std::string& target, bool quiet) {
  v1::ConnectRequest request;
  request.set_target(target);
  const auto reader = stub->ConnectWithProgress(context, request);
  v1::ConnectProgress progress;
  while (reader->Read(&progress)) {
    if (progress.has_connected()) {
      Print(progress.connected());
    } else if (!quiet) {
      const v1::ConnectPhase& phase = progress.phase();
      fprintf(stderr, "%8.3f s  %s (hop %u): %s\n", phase.elapsed_ms() / 1000.0,
              phase.context().c_str(), phase.hop_number(),
              phase.phase().c_str());
    }
  }
  return reader->Finish();
}

grpc::Status Watch(Stub* stub, grpc::ClientContext* context,
                   const std::string& below) {
  v1::WatchRequest request;
  request.set_below(below);
  const auto reader = stub->Watch(context, request);
  v1::WatchReply reply;
  while (reader->Read(&reply)) {
    for (const v1::ContextInfo& info : reply.snapshot().contexts()) Print(info);
    if (reply.has_change()) Print(reply.change());
    fflush(stdout);
  }
  return reader->Finish();
}

grpc::Status Logs(Stub* stub, grpc::ClientContext* context, const Flags& flags,
                  const std::string& below) {
  v1::LogsRequest request;
  request.set_below(below);
  request.set_level(static_cast<v1::LogLevel>(flags.log_level));
  const auto reader = stub->Logs(context, request);
  v1::LogLine line;
  while (reader->Read(&line)) {
    Print(line);
    fflush(stdout);
  }
  return reader->Finish();
}

grpc::Status Run(Stub* stub, grpc::ClientContext* context, const Flags& flags) {
  const std::string& command = flags.arguments[0];
  const std::string name =
      flags.arguments.size() > 1 ? flags.arguments[1] : std::string();
  if (command == "connect") return Connect(stub, context, name, flags.quiet);
  if (command == "watch") return Watch(stub, context, name);
  if (command == "logs") return Logs(stub, context, flags, name);
  grpc::Status status;
  if (command == "list") {
    v1::ListReply reply;
    status = stub->List(context, v1::ListRequest(), &reply);
    for (const v1::ContextInfo& info : reply.contexts()) Print(info);
  } else if (command == "get") {
    v1::GetRequest request;
    v1::ContextInfo reply;
    request.set_name(name);
    status = stub->Get(context, request, &reply);
    if (status.ok()) Print(reply);
  } else if (command == "links") {
    v1::LinksRequest request;
    v1::LinksReply reply;
    request.set_name(name);
    status = stub->Links(context, request, &reply);
    for (const v1::LinkInfo& link : reply.links()) Print(link);
  } else if (command == "detach") {
    v1::DetachRequest request;
    v1::ContextInfo reply;
    request.set_name(name);
    status = stub->Detach(context, request, &reply);
    // Nobody can be asked for it afterwards.
    if (status.ok()) {
      printf("%s\tdetached\t%s\tpid %u\tuid %u\n", reply.name().c_str(),
             Printable(reply.hostname()).c_str(), reply.pid(), reply.uid());
    }
  } else if (command == "shutdown") {
    v1::ShutdownRequest request;
    v1::ShutdownReply reply;
    request.set_name(name);
    request.set_grace_ms(
        static_cast<uint32_t>(absl::ToInt64Milliseconds(flags.grace)));
    status = stub->Shutdown(context, request, &reply);
  } else {
    v1::DisconnectRequest request;
    v1::DisconnectReply reply;
    request.set_name(name);
    status = stub->Disconnect(context, request, &reply);
  }
  return status;
}

}  // namespace

absl::Status RunContexts(const Flags& flags) {
  const auto channel = MakeChannel(flags);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::Contexts::NewStub(*channel);
  grpc::ClientContext context;
  if (flags.deadline < absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + flags.deadline));
  }
  const grpc::Status status = Run(stub.get(), &context, flags);
  return status.ok() ? absl::OkStatus() : FromGrpc(status, flags.master);
}

}  // namespace ramet::cli
