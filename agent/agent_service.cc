#include "agent/agent_service.h"

#include <utility>

#include "core/base/strings.h"
#include "core/wire/control.h"
#include "core/wire/method_name.h"

namespace ramet::agent {

using core::Code;
using core::FrameHeader;
using core::Status;

// A request whose parts may arrive in several frames.
class AgentService::Call final : public core::CallAssembler::Sink {
 public:
  explicit Call(const FrameHeader& header) : header_(header) {}

  Status Feed(std::string_view payload) {
    return assembler_.Feed(payload, this);
  }
  const FrameHeader& header() const { return header_; }
  const std::string& method() const { return method_; }
  const std::string& request() const { return request_; }
  bool complete() const { return complete_; }
  bool cancelled() const { return cancelled_; }

 private:
  void OnHeaders(std::string bytes) override {
    core::MethodName name;
    if (core::PeekMethod(bytes, &name)) method_.assign(name.method);
  }
  void OnMessage(std::string message) override {
    request_ = std::move(message);
  }
  void OnEnd() override { complete_ = true; }
  void OnTrailers(std::string) override {}
  void OnCancel() override { cancelled_ = true; }

  const FrameHeader header_;
  core::CallAssembler assembler_;
  std::string method_;
  std::string request_;
  bool complete_ = false;
  bool cancelled_ = false;
};

AgentService::AgentService(core::Context* context,
                           parent::ChildStarter* children)
    : context_(context), children_(children) {}

AgentService::~AgentService() = default;

bool AgentService::OnCallFrame(const FrameHeader& header,
                               std::string_view payload) {
  const Key key(header.src_id, header.reply_to);
  auto it = calls_.find(key);
  if (it == calls_.end()) {
    core::PartReader reader(payload);
    core::Part part;
    core::MethodName name;
    if (!reader.Next(&part) || part.kind != core::PartKind::kHeaders ||
        !core::PeekMethod(part.bytes, &name) || name.service != kName) {
      return false;
    }
    if (!context_->IsSelfOrAncestor(header.auth_id)) {
      context_->router().SendDead(
          header, Error(Code::kPermissionDenied,
                        {"refused by policy: ", kName, " of context ",
                         context_->router().name()}));
      return true;
    }
    if (calls_.size() >= kMaxPending) {
      context_->router().SendDead(
          header, Status(Code::kResourceExhausted, "too many requests"));
      return true;
    }
    it = calls_.emplace(key, std::make_unique<Call>(header)).first;
  }
  Call& call = *it->second;
  const Status status = call.Feed(payload);
  if (!status.ok()) {
    context_->router().SendDead(header, status);
    calls_.erase(it);
  } else if (call.cancelled()) {
    calls_.erase(it);
  } else if (call.complete()) {
    const std::unique_ptr<Call> complete = std::move(it->second);
    calls_.erase(it);
    Run(*complete);
  }
  return true;
}

void AgentService::Run(const Call& call) {
  const FrameHeader header = call.header();
  if (call.method() == "StartChild") {
    core::StartChildRequest request;
    if (!core::ParseControl(call.request(), &request)) {
      Answer(header, Status(Code::kInvalidArgument, "malformed request"), {});
      return;
    }
    children_->Start(request, nullptr, nullptr,
                     [this, header](const Status& status,
                                    const core::StartChildReply& reply) {
                       Answer(header, status, core::SerializeControl(reply));
                     });
    return;
  }
  if (call.method() == "StopChild") {
    core::StopChildRequest request;
    if (!core::ParseControl(call.request(), &request)) {
      Answer(header, Status(Code::kInvalidArgument, "malformed request"), {});
      return;
    }
    Answer(header, children_->Stop(request.id), {});
    return;
  }
  Answer(header,
         Error(Code::kUnimplemented,
               {"unknown method ", kName, "/", call.method()}),
         {});
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
