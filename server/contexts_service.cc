#include "server/contexts_service.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/call_target.h"
#include "server/context_streams.h"
#include "server/master_name.h"

namespace ramet::server {
namespace {

absl::Status MasterIsThere() {
  return absl::InvalidArgumentError(
      "master is no target that can be connected: it is there");
}

std::string Method(absl::string_view name) {
  return absl::StrCat("ramet.v1.Contexts/", name);
}

// Below a context that can't be named is nothing; "" is everything.
std::string Below(const std::string& text) {
  const absl::StatusOr<std::string> name = CanonicalTarget(text);
  return name.ok() ? *name : text;
}

}  // namespace

ConnectOptions ContextsService::OptionsFor(
    const grpc::ServerContextBase& context,
    const v1::ConnectRequest& request) const {
  ConnectOptions options = connect_;
  if (request.timeout_ms() != 0) {
    options.timeout = absl::Milliseconds(request.timeout_ms());
  }
  const auto deadline = context.deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) {
    options.timeout =
        std::min(options.timeout, absl::FromChrono(deadline) - absl::Now());
  }
  return options;
}

grpc::Status ContextsService::Connect(grpc::ServerContext* context,
                                      const v1::ConnectRequest* request,
                                      v1::ContextInfo* reply) {
  const auto admission =
      parts_.gatekeeper->Admit(*context, Method("Connect"), request->target());
  if (!admission.ok()) return ToGrpc(admission.status());
  if (request->target() == kMasterName) return ToGrpc(MasterIsThere());
  const auto connected =
      parts_.master->Connect(request->target(), OptionsFor(*context, *request));
  if (!connected.ok()) return ToGrpc(connected.status());
  const auto info = parts_.tree->Find(connected->name());
  if (!info.has_value()) {
    return grpc::Status(
        grpc::StatusCode::UNAVAILABLE,
        connected->name() + " was lost right after its connect");
  }
  Fill(*info, reply);
  return grpc::Status::OK;
}

grpc::ServerWriteReactor<v1::ConnectProgress>*
ContextsService::ConnectWithProgress(grpc::CallbackServerContext* context,
                                     const v1::ConnectRequest* request) {
  using Stream = ServerStream<v1::ConnectProgress>;
  // Whoever may connect may see how far it is.
  absl::StatusOr<Admission> admission =
      parts_.gatekeeper->Admit(*context, Method("Connect"), request->target());
  const absl::StatusOr<std::string> target = CanonicalTarget(request->target());
  if (admission.ok() && !target.ok()) admission = target.status();
  if (admission.ok() && *target == kMasterName) admission = MasterIsThere();
  if (!admission.ok()) {
    return Stream::Failed(parts_.streams.get(), ToGrpc(admission.status()));
  }
  const size_t first_hop = std::min(target->find('/'), target->size());
  auto subscription = parts_.tree->Subscribe(target->substr(0, first_hop));
  auto source = std::make_shared<ConnectSource>(
      *target, parts_.tree, subscription, *std::move(admission));
  const auto stream = Stream::Create(source, parts_.streams.get(),
                                     OpenStreams::Order::kEndsLast);
  subscription->SetReader(stream);
  parts_.streams->Wake(stream);
  parts_.master->StartConnect(
      *target, OptionsFor(*context, *request),
      [source, streams = parts_.streams,
       weak = std::weak_ptr<OpenStream>(stream)](const absl::Status& status) {
        source->OnDone(status);
        streams->Wake(weak);
      });
  return stream.get();
}

grpc::Status ContextsService::List(grpc::ServerContext* context,
                                   const v1::ListRequest*,
                                   v1::ListReply* reply) {
  const auto admission = parts_.gatekeeper->Admit(*context, Method("List"));
  if (!admission.ok()) return ToGrpc(admission.status());
  const auto visible = parts_.gatekeeper->VisibleTo(*context, Method("List"));
  for (const ContextInfo& info : parts_.master->List()) {
    if (visible(info.name)) Fill(info, reply->add_contexts());
  }
  return grpc::Status::OK;
}

grpc::Status ContextsService::Get(grpc::ServerContext* context,
                                  const v1::GetRequest* request,
                                  v1::ContextInfo* reply) {
  const auto admission =
      parts_.gatekeeper->Admit(*context, Method("Get"), request->name());
  if (!admission.ok()) return ToGrpc(admission.status());
  const auto info = parts_.tree->Find(request->name());
  if (!info.has_value()) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND,
                        "no context " + request->name());
  }
  Fill(*info, reply);
  return grpc::Status::OK;
}

grpc::ServerWriteReactor<v1::WatchReply>* ContextsService::Watch(
    grpc::CallbackServerContext* context, const v1::WatchRequest* request) {
  using Stream = ServerStream<v1::WatchReply>;
  const absl::Status admitted =
      parts_.gatekeeper->Admit(*context, Method("Watch")).status();
  if (!admitted.ok())
    return Stream::Failed(parts_.streams.get(), ToGrpc(admitted));
  auto subscription = parts_.tree->Subscribe(Below(request->below()));
  const auto stream = Stream::Create(
      std::make_shared<WatchSource>(
          subscription,
          parts_.gatekeeper->VisibleTo(*context, Method("Watch"))),
      parts_.streams.get(), OpenStreams::Order::kEndsFirst);
  subscription->SetReader(stream);
  parts_.streams->Wake(stream);
  return stream.get();
}

grpc::Status ContextsService::Disconnect(grpc::ServerContext* context,
                                         const v1::DisconnectRequest* request,
                                         v1::DisconnectReply*) {
  const auto admission =
      parts_.gatekeeper->Admit(*context, Method("Disconnect"), request->name());
  if (!admission.ok()) return ToGrpc(admission.status());
  return ToGrpc(parts_.master->Disconnect(request->name()));
}

grpc::Status ContextsService::Shutdown(grpc::ServerContext* context,
                                       const v1::ShutdownRequest* request,
                                       v1::ShutdownReply*) {
  const auto admission =
      parts_.gatekeeper->Admit(*context, Method("Shutdown"), request->name());
  if (!admission.ok()) return ToGrpc(admission.status());
  return ToGrpc(parts_.master->Disconnect(
      request->name(), absl::Milliseconds(request->grace_ms())));
}

grpc::Status ContextsService::Detach(grpc::ServerContext* context,
                                     const v1::DetachRequest* request,
                                     v1::ContextInfo* reply) {
  const auto admission =
      parts_.gatekeeper->Admit(*context, Method("Detach"), request->name());
  if (!admission.ok()) return ToGrpc(admission.status());
  // Afterwards nobody knows it any more.
  for (const ContextInfo& info : parts_.master->List()) {
    if (info.name == request->name()) Fill(info, reply);
  }
  return ToGrpc(parts_.master->Detach(request->name()));
}

grpc::Status ContextsService::Links(grpc::ServerContext* context,
                                    const v1::LinksRequest* request,
                                    v1::LinksReply* reply) {
  const std::string name = request->name().empty() ? "master" : request->name();
  const auto admission =
      parts_.gatekeeper->Admit(*context, Method("Links"), name);
  if (!admission.ok()) return ToGrpc(admission.status());
  const auto links = parts_.master->Links(name);
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

grpc::ServerWriteReactor<v1::LogLine>* ContextsService::Logs(
    grpc::CallbackServerContext* context, const v1::LogsRequest* request) {
  using Stream = ServerStream<v1::LogLine>;
  const absl::Status admitted =
      parts_.gatekeeper->Admit(*context, Method("Logs")).status();
  if (!admitted.ok())
    return Stream::Failed(parts_.streams.get(), ToGrpc(admitted));
  auto subscription =
      parts_.logs->Subscribe(Below(request->below()), request->level());
  const auto stream = Stream::Create(
      std::make_shared<LogSource>(
          subscription, parts_.gatekeeper->VisibleTo(*context, Method("Logs"))),
      parts_.streams.get(), OpenStreams::Order::kEndsFirst);
  subscription->SetReader(stream);
  parts_.streams->Wake(stream);
  return stream.get();
}

}  // namespace ramet::server
