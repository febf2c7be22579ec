#include "server/hosted_services.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "core/base/strings.h"
#include "core/wire/call_parts.h"
#include "core/wire/method_name.h"
#include "stub/call_port.h"
#include "stub/call_table.h"
#include "stub/frame_writer.h"
#include "stub/stream_threads.h"

namespace ramet::server {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::Status;

namespace {

ContextId CallerOf(const stub::ServedCall& call) {
  return static_cast<ContextId>(call.key() >> 32);
}

// Its threads never end, so neither does it.
stub::StreamThreads* Threads() {
  static stub::StreamThreads* const threads = new stub::StreamThreads;
  return threads;
}

}  // namespace

// The calls that come over one link: of one child of the master, and of those
// below it.
class HostedServices::Subtree final
    : public stub::CallPort,
      public std::enable_shared_from_this<HostedServices::Subtree> {
 public:
  explicit Subtree(HostedServices* hosted)
      : hosted_(hosted), table_(TableOptions(), &hosted->methods_, this) {}

  // The loop's.
  stub::CallTable& table() { return table_; }
  size_t calls = 0;  // in HostedServices::active_

  // Frames of one call go to the loop in the order in which they are taken,
  // whoever takes them.
  void SendFrames(stub::ServedCall* call) override {
    auto frames = std::make_shared<std::string>();
    bool over = false;
    bool again = false;
    while (!over && call->TakeFrames(again, frames.get(), &over)) {
      PostFrames(call, std::move(frames), over);
      frames = std::make_shared<std::string>();
      again = true;
    }
  }

 private:
  static stub::CallTable::Options TableOptions() {
    stub::CallTable::Options options;
    options.own_id = core::kMasterId;
    options.ancestor_ids = {core::kMasterId};
    return options;
  }

  void PostFrames(stub::ServedCall* call, std::shared_ptr<std::string> frames,
                  bool over) {
    hosted_->post_(
        [self = shared_from_this(), call, over, frames = std::move(frames)] {
          // The handle may be used again as soon as this is out. A call is
          // active until it is over.
          const auto found = self->hosted_->active_.find(call);
          const bool last = over && found != self->hosted_->active_.end();
          const CallPtr kept = last ? found->second.work.call : nullptr;
          if (last) self->table_.Remove(*kept);
          self->hosted_->SendFrames(*frames);
          if (last) self->hosted_->ForgetIfDone(kept);
        });
  }

  HostedServices* const hosted_;
  stub::CallTable table_;
};

HostedServices::HostedServices(Post post) : post_(std::move(post)) {}

HostedServices::~HostedServices() = default;

absl::Status HostedServices::Add(core::Context* context,
                                 std::unique_ptr<stub::Service> service,
                                 const stub::ServiceOptions& options) {
  const absl::Status added = methods_.Add(service.get(), options);
  if (absl::IsAlreadyExists(added)) {
    return absl::AlreadyExistsError(std::string("the master has a service ") +
                                    service->RametInfo().name + " already");
  }
  if (!added.ok()) return added;
  services_.push_back(std::move(service));
  if (context_ != nullptr) return absl::OkStatus();
  context_ = context;
  context_->SetHandler(core::kCallFunction, core::Context::Access::kAnyone,
                       [this](core::Link* from, const FrameHeader& header,
                              std::string_view payload) {
                         if (from != nullptr)
                           return OnCallFrame(from, header, payload);
                         // The caller is in the midst of sending it.
                         post_([this, header, bytes = std::string(payload)] {
                           if (!stopped_) OnCallFrame(nullptr, header, bytes);
                         });
                       });
  context_->AddRouteLostHandler(
      [this](ContextId id, const Status&) { AbortAllOf(id); });
  context_->AddLinkLostHandler(
      [this](core::Link* link, const Status&) { subtrees_.erase(link); });
  return absl::OkStatus();
}

void HostedServices::OnCallFrame(core::Link* from, const FrameHeader& header,
                                 std::string_view payload) {
  if (header.dead()) return;
  std::shared_ptr<Subtree>& known = subtrees_[from];
  if (known == nullptr) known = std::make_shared<Subtree>(this);
  const std::shared_ptr<Subtree> subtree = known;
  stub::CallTable& table = subtree->table();
  const uint64_t key = core::CallKey(header.src_id, header.reply_to);
  const bool is_new = table.Find(key) == nullptr;
  if (is_new) {
    core::PartReader reader(payload);
    core::Part part;
    if (!reader.Next(&part) || part.kind != core::PartKind::kHeaders) return;
    const Status admitted = Admit(*subtree, header, part.bytes);
    if (!admitted.ok()) return context_->router().SendDead(header, admitted);
  }
  Work work{subtree, nullptr};
  stub::ServedCall::Fed fed;
  work.call = table.OnFrame(header, payload, &fed);
  if (work.call == nullptr) return;
  if (is_new && table.Find(key) == work.call) {
    active_[work.call.get()].work = work;
    ++subtree->calls;
    ++calls_of_context_[header.src_id];
  }
  Handle(work, fed);
}

Status HostedServices::Admit(const Subtree& subtree, const FrameHeader& header,
                             std::string_view headers) const {
  core::MethodName name;
  if (!core::PeekMethod(headers, &name)) {
    return Status(Code::kInvalidArgument, "a call without a method");
  }
  const std::string full = core::Concat(
      {name.service.substr(0, 256), "/", name.method.substr(0, 256)});
  const stub::MethodTable::Method* const method = methods_.Find("/" + full);
  if (method == nullptr) {
    return core::Error(Code::kUnimplemented,
                       {"unknown method ", full, " in context master"});
  }
  const stub::Policy policy =
      method->service->RametInfo().methods[method->index].policy;
  if (policy != stub::Policy::kAny &&
      !context_->IsSelfOrAncestor(header.auth_id)) {
    return core::Error(Code::kPermissionDenied,
                       {"refused by policy: ", full,
                        " of context master for context ", header.auth_id});
  }
  if (header.reply_to == core::kNoHandle) {
    return Status(Code::kInvalidArgument, "a call without reply_to");
  }
  if (stopped_) {
    return Status(Code::kUnavailable, "the master is being shut down");
  }
  const auto theirs = calls_of_context_.find(header.src_id);
  if (header.src_id == core::kMasterId) {
    if (subtree.calls < kMaxOwnCalls) return Status();
    return core::Error(Code::kResourceExhausted,
                       {"the master serves ", kMaxOwnCalls,
                        " calls of its own already; try again when some are "
                        "over"});
  }
  if (subtree.calls >= kMaxCallsOfSubtree ||
      (theirs != calls_of_context_.end() &&
       theirs->second >= kMaxCallsOfContext)) {
    return core::Error(
        Code::kResourceExhausted,
        {"the master serves as many calls as it may of context ", header.src_id,
         " or of those beside it; try again when some are over"});
  }
  return Status();
}

void HostedServices::Handle(const Work& work,
                            const stub::ServedCall::Fed& fed) {
  const auto active = active_.find(work.call.get());
  if (active == active_.end()) {
    // Refused: nobody else knows it.
    std::string frames;
    bool over = false;
    if (work.call->TakeFrames(false, &frames, &over)) SendFrames(frames);
    return;
  }
  if (fed.opened) {
    const absl::Time deadline = work.call->context().deadline();
    if (deadline != absl::InfiniteFuture()) {
      const int64_t delay_us = std::max<int64_t>(
          absl::ToInt64Microseconds(deadline - absl::Now()), 0);
      active->second.timer =
          context_->loop()->RunAfter(delay_us, [this, call = work.call.get()] {
            const auto found = active_.find(call);
            found->second.timer = 0;
            const Work late = found->second.work;
            Abort(late, absl::DeadlineExceededError("deadline passed"));
          });
    }
  }
  if (fed.opened && work.call->chained()) {
    return Abort(work, absl::UnimplementedError(
                           "services of the master serve no chains"));
  }
  if (fed.over || fed.has_frames) work.subtree->SendFrames(work.call.get());
  if (fed.over) {
    work.call->CancelIfAborted();
    OnAborted(work);
  } else if (fed.start) {
    StartMethod(work);
  }
}

void HostedServices::StartMethod(const Work& work) {
  if (work.call->method().limited) {
    bool admitted = false;
    const absl::Status status = admission_.Add(work.call, &admitted);
    if (!status.ok()) return Abort(work, status);
    if (!admitted) return;
  }
  RunMethod(work);
}

void HostedServices::RunMethod(const Work& work) {
  active_[work.call.get()].running = true;
  admission_.OnBegin(*work.call);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++methods_running_;
  }
  if (Threads()->Run([this, work] { Serve(work); })) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    --methods_running_;
  }
  active_[work.call.get()].running = false;
  std::vector<CallPtr> admitted;
  admission_.OnReturned(*work.call, &admitted);
  Abort(work, absl::ResourceExhaustedError(
                  "the system has no thread for the master's method"));
  RunAdmitted(admitted);
}

void HostedServices::RunAdmitted(const std::vector<CallPtr>& calls) {
  if (stopped_) return;
  for (const CallPtr& call : calls) {
    const auto found = active_.find(call.get());
    if (found == active_.end()) continue;
    const Work work = found->second.work;
    RunMethod(work);
  }
}

void HostedServices::OnAborted(const Work& work) {
  std::vector<CallPtr> admitted;
  admission_.OnAborted(*work.call, &admitted);
  RunAdmitted(admitted);
}

void HostedServices::Serve(const Work& work) {
  const stub::MethodTable::Method& method = work.call->method();
  const stub::CallContext& context = work.call->context();
  if (work.call->kind() == stub::MethodKind::kUnary) {
    std::string request;
    std::string reply;
    absl::Status status = work.call->TakeRequest(&request);
    if (status.ok()) {
      status =
          method.service->RametCall(method.index, context, request, &reply);
    }
    work.call->Finish(status, reply);
  } else {
    work.call->Finish(
        method.service->RametStream(method.index, context, work.call.get()));
  }
  if (method.limited) {
    // Before its answer is out: whoever has that may call again.
    post_([this, call = work.call] {
      std::vector<CallPtr> admitted;
      admission_.OnReturned(*call, &admitted);
      RunAdmitted(admitted);
    });
  }
  work.subtree->SendFrames(work.call.get());
  post_([this, work] {
    const auto found = active_.find(work.call.get());
    if (found == active_.end()) return;
    found->second.running = false;
    ForgetIfDone(work.call);
  });
  std::lock_guard<std::mutex> lock(mutex_);
  --methods_running_;
  returned_.notify_all();
}

void HostedServices::Abort(const Work& work, const absl::Status& status) {
  work.call->Abort(status);
  work.subtree->SendFrames(work.call.get());
  work.call->CancelIfAborted();
  OnAborted(work);
}

void HostedServices::AbortAllOf(ContextId id) {
  std::vector<Work> lost;
  for (const auto& [call, active] : active_) {
    if (CallerOf(*call) == id || call->authority_id() == id) {
      lost.push_back(active.work);
    }
  }
  for (const Work& work : lost) {
    Abort(work, absl::CancelledError("the caller is lost"));
  }
}

void HostedServices::SendFrames(std::string_view frames) {
  while (frames.size() >= core::kFrameHeaderBytes) {
    FrameHeader header;
    // They are this process's own.
    FrameHeader::Parse(frames.data(), &header);
    context_->router().Send(
        header, frames.substr(core::kFrameHeaderBytes, header.length));
    frames.remove_prefix(core::kFrameHeaderBytes + header.length);
  }
}

void HostedServices::ForgetIfDone(const CallPtr& call) {
  const auto found = active_.find(call.get());
  if (found == active_.end() || found->second.running || !call->over()) return;
  // Its last frames may be on their way to the loop.
  if (found->second.work.subtree->table().Find(call->key()) == call) return;
  context_->loop()->CancelTimer(found->second.timer);
  --found->second.work.subtree->calls;
  const auto theirs = calls_of_context_.find(CallerOf(*call));
  if (--theirs->second == 0) calls_of_context_.erase(theirs);
  active_.erase(found);
}

void HostedServices::Stop() {
  stopped_ = true;
  std::vector<Work> all;
  for (auto& [call, active] : active_) {
    context_->loop()->CancelTimer(active.timer);
    all.push_back(active.work);
  }
  for (const Work& work : all) {
    Abort(work, absl::CancelledError("the master is shut down"));
  }
  active_.clear();
  subtrees_.clear();
}

void HostedServices::Wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  returned_.wait(lock, [this] { return methods_running_ == 0; });
}

}  // namespace ramet::server
