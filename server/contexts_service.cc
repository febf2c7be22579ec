#include "server/contexts_service.h"

#include <algorithm>
#include <string>

#include "absl/time/time.h"

namespace ramet::server {
namespace {

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

void Fill(const ContextInfo& info, v1::ContextInfo* out) {
  out->set_name(info.name);
  out->set_target(info.name);
  out->set_id(info.id);
  out->set_parent(info.parent);
  out->set_platform(info.hello.platform);
  out->set_hostname(info.hello.hostname);
  out->set_pid(info.hello.pid);
  out->set_uid(info.hello.uid);
  out->set_ready(info.ready);
}

}  // namespace

grpc::Status ContextsService::Connect(grpc::ServerContext* context,
                                      const v1::ConnectRequest* request,
                                      v1::ContextInfo* reply) {
  ConnectOptions options = connect_;
  if (request->timeout_ms() != 0) {
    options.timeout = absl::Milliseconds(request->timeout_ms());
  }
  const auto deadline = context->deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) {
    options.timeout =
        std::min(options.timeout, absl::FromChrono(deadline) - absl::Now());
  }
  const auto connected = master_->Connect(request->target(), options);
  if (!connected.ok()) return ToGrpc(connected.status());
  for (const ContextInfo& info : master_->List()) {
    if (info.name == connected->name()) Fill(info, reply);
  }
  return grpc::Status::OK;
}

grpc::Status ContextsService::List(grpc::ServerContext*, const v1::ListRequest*,
                                   v1::ListReply* reply) {
  for (const ContextInfo& info : master_->List()) {
    Fill(info, reply->add_contexts());
  }
  return grpc::Status::OK;
}

grpc::Status ContextsService::Disconnect(grpc::ServerContext*,
                                         const v1::DisconnectRequest* request,
                                         v1::DisconnectReply*) {
  return ToGrpc(master_->Disconnect(request->name()));
}

grpc::Status ContextsService::Detach(grpc::ServerContext*,
                                     const v1::DetachRequest* request,
                                     v1::ContextInfo* reply) {
  // Afterwards nobody knows it any more.
  for (const ContextInfo& info : master_->List()) {
    if (info.name == request->name()) Fill(info, reply);
  }
  return ToGrpc(master_->Detach(request->name()));
}

grpc::Status ContextsService::Links(grpc::ServerContext*,
                                    const v1::LinksRequest* request,
                                    v1::LinksReply* reply) {
  const auto links =
      master_->Links(request->name().empty() ? "master" : request->name());
  if (!links.ok()) return ToGrpc(links.status());
  for (const core::LinkInfo& link : *links) {
    v1::LinkInfo* const out = reply->add_links();
    out->set_name(link.name);
    out->set_peer_id(link.peer_id);
    out->set_frames_in(link.frames_in);
    out->set_frames_out(link.frames_out);
    out->set_bytes_in(link.bytes_in);
    out->set_bytes_out(link.bytes_out);
    out->set_refused_sources(link.refused_sources);
    out->set_refused_routes(link.refused_routes);
    out->set_refused_full(link.refused_full);
    out->set_queued_bytes(link.queued_bytes);
    out->set_queue_high_water_bytes(link.queue_high_water_bytes);
    out->set_slowed(link.slowed);
  }
  return grpc::Status::OK;
}

grpc::Status ModulesService::Describe(grpc::ServerContext*,
                                      const v1::DescribeRequest* request,
                                      v1::DescribeReply* reply) {
  const auto bundle = master_->modules().FindService(request->service());
  if (bundle == nullptr) {
    return grpc::Status(
        grpc::StatusCode::NOT_FOUND,
        "unknown service " + request->service() + ": no loaded bundle has it");
  }
  reply->set_file_descriptor_set(bundle->manifest().file_descriptor_set());
  return grpc::Status::OK;
}

}  // namespace ramet::server
