#include "importer/module_host.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/strings.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "core/wire/method_name.h"

namespace ramet::importer {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::Status;

namespace {

// ramet.Policy of protos/ramet/options.proto.
constexpr uint32_t kPolicyParents = 0;
constexpr uint32_t kPolicyAny = 1;
constexpr uint32_t kPolicySelf = 2;

}  // namespace

ModuleHost::ModuleHost(core::Context* context, ModuleStore* store)
    : context_(context), store_(store), held_(context), calls_out_(context) {
  context_->SetModuleFrameHandler([this](core::Link* from,
                                         const FrameHeader& header,
                                         std::string_view payload) {
    OnModuleFrame(from, header, payload);
  });
  context_->AddLinkLostHandler(
      [this](core::Link* link, const Status& why) { OnLinkLost(link, why); });
  context_->AddRouteLostHandler([this](ContextId id, const Status&) {
    CancelCallsOf(id);
    held_.DropCallsOf(id);
    calls_out_.CancelAllOf(id);
  });
}

ModuleHost::~ModuleHost() = default;

void ModuleHost::OnCallFrame(core::Link* from, const FrameHeader& header,
                             std::string_view payload) {
  const uint64_t key = core::CallKey(header.src_id, header.reply_to);
  const ActiveCall* const call = calls_.Find(key);
  if (call == nullptr) {
    return held_.Holds(header) ? held_.Hold(header, payload)
                               : BeginCall(header, payload);
  }
  // The authority of a call can't change while it runs.
  if (header.auth_id != call->header.auth_id) return;
  Forward(*call->process, header, payload);
  if (core::HasPart(payload, core::PartKind::kCancel)) EndCall(key);
}

void ModuleHost::RetryHeld() {
  held_.Release([this](const FrameHeader& header, std::string_view payload) {
    OnCallFrame(nullptr, header, payload);
  });
}

void ModuleHost::BeginCall(const FrameHeader& header,
                           std::string_view payload) {
  core::PartReader reader(payload);
  core::Part part;
  // Frames of a call that is over already begin with something else.
  if (!reader.Next(&part) || part.kind != core::PartKind::kHeaders) return;
  core::MethodName name;
  if (!core::PeekMethod(part.bytes, &name)) {
    context_->router().SendDead(
        header, Status(Code::kInvalidArgument, "a call without a method"));
    return;
  }
  if (store_->AskAgain(context_->loop()->NowUs())) RetireReplaced();
  const std::shared_ptr<StoredModule> module =
      store_->FindService(name.service);
  Status status;
  ModuleProcess* process = nullptr;
  bool later = false;
  if (refusing_) {
    status = Error(Code::kUnavailable, {"context ", context_->router().name(),
                                        " is being shut down"});
  } else if (module == nullptr) {
    later =
        store_->Ask(name.service, IsForeign(header), context_->loop()->NowUs());
    status = Error(Code::kUnimplemented,
                   {"unknown service ", name.service, " in context ",
                    context_->router().name()});
  } else {
    status = Authorize(*module, header, name.service, name.method);
    if (status.ok()) status = EnsureRunning(module, &process, &later);
  }
  if (later) return held_.Hold(header, payload);
  if (!status.ok()) {
    context_->router().SendDead(header, status);
    return;
  }
  const bool foreign = IsForeign(header);
  if (foreign) ++foreign_calls_;
  process->AddCall();
  calls_.Insert(
      core::CallKey(header.src_id, header.reply_to),
      std::unique_ptr<ActiveCall>(new ActiveCall{process, header, foreign}));
  Forward(*process, header, payload);
}

Status ModuleHost::Authorize(const StoredModule& module,
                             const FrameHeader& header,
                             std::string_view service,
                             std::string_view method) {
  const core::ModuleMethod* const known = FindMethod(module, service, method);
  const std::string full =
      std::string(service) + "/" + std::string(method.substr(0, 256));
  if (known == nullptr) {
    return Error(Code::kUnimplemented, {"unknown method ", full, " in context ",
                                        context_->router().name()});
  }
  bool allowed = false;
  if (known->policy == kPolicyParents) {
    allowed = context_->IsSelfOrAncestor(header.auth_id);
  } else if (known->policy == kPolicySelf) {
    allowed = header.auth_id == context_->router().self() ||
              context_->router().HasModule(header.auth_id);
  } else if (known->policy == kPolicyAny) {
    allowed = true;
  }
  if (!allowed) {
    return Error(Code::kPermissionDenied,
                 {"refused by policy: ", full, " of context ",
                  context_->router().name(), " for context ", header.auth_id});
  }
  if (header.reply_to == core::kNoHandle) {
    return Status(Code::kInvalidArgument, "a call without reply_to");
  }
  const bool foreign_full =
      foreign_calls_ >= kMaxForeignCalls && IsForeign(header);
  if (foreign_full || calls_.size() >= kMaxActiveCalls) {
    return Error(Code::kResourceExhausted,
                 {"context ", context_->router().name(), " has ", calls_.size(),
                  " calls at work"});
  }
  return Status();
}

bool ModuleHost::IsForeign(const FrameHeader& header) const {
  return !context_->IsSelfOrAncestor(header.src_id) ||
         !context_->IsSelfOrAncestor(header.auth_id);
}

Status ModuleHost::EnsureRunning(const std::shared_ptr<StoredModule>& module,
                                 ModuleProcess** process, bool* later) {
  const Status ready = store_->MakeReady(module.get(), later);
  if (*later || !ready.ok()) return ready;
  for (size_t i = 0; i < running_.size(); ++i) {
    ModuleProcess* const running = running_.at(i);
    if (running->module() == module && !running->retired()) {
      *process = running;
      return Status();
    }
  }
  const int64_t wait_us = module->not_before_us - context_->loop()->NowUs();
  if (wait_us > 0) {
    return Error(Code::kUnavailable,
                 {module->last_end.message(), ", ", module->crashes,
                  " times; not started again for ", wait_us / 1000 + 1, " ms"});
  }
  if (running_.size() >= kMaxProcesses) {
    return Error(Code::kResourceExhausted,
                 {"context ", context_->router().name(), " runs ",
                  kMaxProcesses, " modules"});
  }
  uint32_t id = 0;
  if (!context_->ids().Take(1, &id)) {
    return Error(Code::kResourceExhausted,
                 {"context ", context_->router().name(),
                  " has no id left for a module"});
  }
  context_->TopUpIds();
  const std::string source = module->announced.name;
  auto started = std::make_unique<ModuleProcess>(
      context_, module, id,
      [this, source](bool is_stderr, std::string_view line) {
        context_->Log(
            is_stderr ? core::LogLevel::kWarning : core::LogLevel::kInfo,
            source + (is_stderr ? " stderr" : " stdout"), line);
      },
      [this, id](const Status& why) { OnEnded(id, why); });
  const Status status = started->Start();
  if (!status.ok()) return status;
  *process = started.get();
  running_.Insert(id, std::move(started));
  return Status();
}

void ModuleHost::Forward(const ModuleProcess& process,
                         const FrameHeader& header, std::string_view payload) {
  FrameHeader to_module = header;
  to_module.dst_id = process.id();
  context_->router().SendAs(to_module, payload);
}

void ModuleHost::EndCall(uint64_t key) {
  const std::unique_ptr<ActiveCall> call = calls_.Remove(key);
  if (call->foreign) --foreign_calls_;
  call->process->DropCall();
}

void ModuleHost::CancelCallsOf(ContextId caller) {
  for (size_t i = calls_.size(); i-- > 0;) {
    const ActiveCall& call = *calls_.at(i);
    if (call.header.src_id != caller) continue;
    Forward(*call.process, call.header, core::CancelPayload());
    EndCall(calls_.key_at(i));
  }
}

void ModuleHost::OnModuleFrame(core::Link* from, const FrameHeader& header,
                               std::string_view payload) {
  if (header.handle == core::kHello) return;
  // Answers have no reply_to.
  if (header.handle == core::kCallFunction && !header.dead() &&
      header.reply_to != core::kNoHandle) {
    calls_out_.OnFrame(from, header, payload);
    return;
  }
  const uint64_t key = core::CallKey(header.dst_id, header.handle);
  const ActiveCall* const call = calls_.Find(key);
  if (call == nullptr || call->process->id() != header.src_id ||
      header.auth_id != header.src_id) {
    ++refused_frames_;
    return;
  }
  call->process->OnAnswer();
  FrameHeader to_caller = header;
  to_caller.src_id = context_->router().self();
  to_caller.auth_id = to_caller.src_id;
  to_caller.reply_to = core::kNoHandle;
  if (header.dead() || core::HasPart(payload, core::PartKind::kTrailers)) {
    // What a method printed arrives before its answer.
    call->process->FlushOutput();
    EndCall(key);
  }
  if (to_caller.dst_id == context_->router().self()) {
    context_->router().SendAs(to_caller, payload);
  } else {
    context_->router().Relay(from, to_caller, payload);
  }
}

void ModuleHost::RetireReplaced() {
  for (size_t i = 0; i < running_.size(); ++i) {
    ModuleProcess* const process = running_.at(i);
    bool current = false;
    for (const auto& service : process->module()->announced.services) {
      if (store_->FindService(service.name) == process->module()) {
        current = true;
      }
    }
    if (!current) process->Retire();
  }
}

void ModuleHost::OnLinkLost(core::Link* link, const Status& why) {
  ModuleProcess* const process = running_.Find(link->peer_id());
  if (process == nullptr) return;
  // A link that is still open was closed by this side.
  std::string_view text;
  if (link->open() || why.code() != Code::kUnavailable) {
    // Without what was lost, which its end says: "...): " comes before.
    text = why.message();
    text.remove_prefix(text.rfind(')') + 1);
  }
  process->OnLinkLost(text);
}

void ModuleHost::OnEnded(ContextId id, const Status& why) {
  // The process object is up the stack: it goes with the next turn.
  const std::shared_ptr<ModuleProcess> ended = running_.Remove(id);
  context_->loop()->RunAfter(0, [ended] {});
  if (!ended->retired()) BackOff(*ended, why);
  std::vector<FrameHeader> failed;
  for (size_t i = calls_.size(); i-- > 0;) {
    if (calls_.at(i)->process != ended.get()) continue;
    failed.push_back(calls_.at(i)->header);
    EndCall(calls_.key_at(i));
  }
  for (const FrameHeader& header : failed) {
    context_->router().SendDead(header, why);
  }
}

void ModuleHost::BackOff(const ModuleProcess& crashed, const Status& why) {
  StoredModule* const module = crashed.module().get();
  const int64_t now_us = context_->loop()->NowUs();
  if (crashed.answered()) module->crashes = module->back_off_us = 0;
  // At once, and then not before a time that is twice as long each time.
  module->not_before_us = now_us + module->back_off_us;
  module->back_off_us = std::min(
      std::max(2 * module->back_off_us, kFirstBackOffUs), kMaxBackOffUs);
  ++module->crashes;
  module->last_end = why;
}

}  // namespace ramet::importer
