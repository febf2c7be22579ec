#include "agent/agent_service.h"

#include <utility>

#include "core/base/strings.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "core/wire/method_name.h"

namespace ramet::agent {

using core::Code;
using core::FrameHeader;
using core::Status;

bool AgentService::OnCallFrame(const FrameHeader& header,
                               std::string_view payload) {
  core::PartReader reader(payload);
  core::Part part;
  core::MethodName name;
  if (StartingChild* const starting =
          starting_.Find(core::CallKey(header.src_id, header.reply_to))) {
    if (reader.Next(&part) && part.kind == core::PartKind::kCancel) {
      GiveUp(starting);
    }
    return true;
  }
  if (!reader.Next(&part) || part.kind != core::PartKind::kHeaders ||
      !core::PeekMethod(part.bytes, &name) || name.service != kName) {
    return false;
  }
  if (!context_->IsSelfOrAncestor(header.auth_id)) {
    context_->router().SendDead(
        header, core::Error(Code::kPermissionDenied,
                            {"refused by policy: ", kName, " of context ",
                             context_->router().name()}));
  } else if (!reader.Next(&part) || part.kind != core::PartKind::kMessage ||
             part.bytes.size() < core::kMessagePrefixBytes) {
    context_->router().SendDead(
        header, Status(Code::kInvalidArgument, "malformed request"));
  } else {
    Run(header, name.method, part.bytes.substr(core::kMessagePrefixBytes));
  }
  return true;
}

void AgentService::Run(const FrameHeader& header, std::string_view method,
                       std::string_view request) {
  Status status(Code::kInvalidArgument, "malformed request");
  if (method == "StartChild") {
    core::StartChildRequest start;
    if (core::ParseControl(request, &start)) return StartChild(header, start);
  } else if (method == "StopChild") {
    core::StopChildRequest stop;
    if (core::ParseControl(request, &stop)) status = children_->Stop(stop.id);
  } else if (method == "DetachChild") {
    core::StopChildRequest detach;
    if (core::ParseControl(request, &detach)) {
      return children_->Detach(detach.id,
                               [this, header](const Status& detached) {
                                 Answer(header, detached, {});
                               });
    }
  } else if (method == "Links") {
    return Answer(header, Status(),
                  core::SerializeControl(context_->router().ReportLinks()));
  } else {
    status = core::Error(Code::kUnimplemented,
                         {"unknown method ", kName, "/", method});
  }
  Answer(header, status, {});
}

void AgentService::StartChild(const FrameHeader& header,
                              const core::StartChildRequest& request) {
  const uint64_t key = core::CallKey(header.src_id, header.reply_to);
  starting_.Insert(key, std::make_unique<StartingChild>());
  children_->Start(
      request, nullptr,
      [this, key](core::ContextId id) {
        StartingChild* const starting = starting_.Find(key);
        starting->id = id;
        if (starting->given_up) GiveUp(starting);
      },
      [this, key, header](const Status& result,
                          const core::StartChildReply& reply) {
        starting_.Remove(key);
        Answer(header, result, core::SerializeControl(reply));
      });
}

// Nobody would ever end a child that nobody knows of.
void AgentService::GiveUp(StartingChild* starting) {
  starting->given_up = true;
  const core::ContextId id = starting->id;
  if (id != 0)
    context_->loop()->RunAfter(0, [this, id] { (void)children_->Stop(id); });
}

void AgentService::Answer(const FrameHeader& request, const Status& status,
                          std::string_view reply) {
  FrameHeader header;
  header.dst_id = request.src_id;
  header.handle = request.reply_to;
  core::PartWriter writer([this, &header](std::string_view payload) {
    context_->router().Send(header, payload);
  });
  if (status.ok()) writer.AddMessage(reply);
  core::CallTrailers trailers;
  trailers.code = static_cast<uint32_t>(status.code());
  trailers.message = status.message();
  writer.AddTrailers(core::SerializeControl(trailers));
  writer.Flush();
}

}  // namespace ramet::agent
