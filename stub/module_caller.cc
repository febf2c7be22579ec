#include "stub/module_caller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "core/wire/control.h"
#include "stub/metadata.h"
#include "stub/unary_over_call.h"

namespace ramet::stub {
namespace {

class ModuleChannel final : public Channel {
 public:
  ModuleChannel(ModuleCaller* caller, core::ContextId target,
                std::shared_ptr<CallTie> tie)
      : caller_(caller), target_(target), tie_(std::move(tie)) {}

  void StartUnary(std::string method, std::string request,
                  const CallOptions& options, DoneCallback done) override {
    caller_->Start(target_, std::move(method), options, tie_, &request,
                   MakeUnaryListener(options.reply_metadata, std::move(done)));
  }
  std::shared_ptr<RawCall> StartCall(
      std::string method, const CallOptions& options,
      std::shared_ptr<RawCallListener> listener) override {
    return caller_->Start(target_, std::move(method), options, tie_, nullptr,
                          std::move(listener));
  }
  bool keeps_order() const override { return true; }

 private:
  ModuleCaller* const caller_;
  const core::ContextId target_;
  const std::shared_ptr<CallTie> tie_;
};

}  // namespace

ModuleCaller::ModuleCaller(FrameWriter* writer)
    : writer_(writer), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void ModuleCaller::SetPlace(core::ContextId own_id,
                            std::vector<core::ContextId> path) {
  own_id_ = own_id;
  path_ = std::move(path);
}

std::shared_ptr<Channel> ModuleCaller::ChannelTo(core::ContextId id,
                                                 std::shared_ptr<CallTie> tie) {
  return std::make_shared<ModuleChannel>(this, id, std::move(tie));
}

std::shared_ptr<ModuleCall> ModuleCaller::Start(
    core::ContextId target, std::string method, const CallOptions& options,
    std::shared_ptr<CallTie> tie, const std::string* request,
    std::shared_ptr<RawCallListener> listener) {
  const absl::Time now = absl::Now();
  absl::Duration remaining = options.Remaining(now);
  if (tie != nullptr) remaining = std::min(remaining, tie->deadline() - now);
  ModuleCall::Options call_options;
  call_options.deadline = now + remaining;
  call_options.max_reply_bytes = options.max_reply_bytes;
  call_options.tie = tie;
  core::FrameHeader& header = call_options.header;
  header.dst_id = target;
  header.src_id = header.auth_id = own_id_;
  header.handle = core::kCallFunction;
  CallPtr call;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    while (next_handle_ < core::kFirstDynamicHandle ||
           calls_.count(next_handle_) > 0) {
      ++next_handle_;
    }
    header.reply_to = next_handle_++;
    call = std::make_shared<ModuleCall>(static_cast<ModuleCall::Host*>(this),
                                        std::move(call_options),
                                        std::move(listener));
    if (remaining > absl::ZeroDuration()) {
      calls_.emplace(call->handle(), call);
      deadlines_.Add(call->deadline(), call->handle());
    }
  }
  core::CallHeaders headers;
  headers.metadata = ToWireMetadata(options.metadata);
  headers.chain_id = options.chain_position.id;
  headers.chain_epoch = options.chain_position.epoch;
  headers.chain_index = options.chain_position.index;
  headers.chain_known_ok = options.chain_position.known_ok;
  if (remaining <= absl::ZeroDuration()) {
    call->End(absl::DeadlineExceededError(
        method + ": the deadline had passed before the call"));
    call->Deliver();
    return call;
  }
  if (remaining != absl::InfiniteDuration()) {
    headers.timeout_us =
        std::max<int64_t>(absl::ToInt64Microseconds(remaining), 1);
  }
  headers.method = std::move(method);
  if (tie != nullptr && !tie->Add(call)) {
    call->End(
        absl::CancelledError("the call that this one was made for is over"));
    std::unique_lock<std::mutex> lock(mutex_);
    Forget(*call);
    lock.unlock();
    call->Deliver();
    return call;
  }
  call->Start(headers, request);
  return call;
}

bool ModuleCaller::OnFrame(const core::FrameHeader& header,
                           std::string_view payload) {
  CallPtr call;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = calls_.find(header.handle);
    if (found == calls_.end()) return false;
    call = found->second;
  }
  bool over = true;
  if (header.dead()) {
    call->OnDead(payload);
  } else {
    over = call->OnFrame(payload);
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (over) Forget(*call);
  to_deliver_.push_back(std::move(call));
  return true;
}

void ModuleCaller::Deliver() {
  std::vector<CallPtr> calls;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    calls.swap(to_deliver_);
  }
  for (const CallPtr& call : calls) call->Deliver();
}

void ModuleCaller::OnTimer() {
  const absl::Time now = absl::Now();
  std::vector<CallPtr> late;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    uint64_t handle;
    while (deadlines_.TakePassed(now, &handle)) {
      const auto found = calls_.find(static_cast<core::HandleId>(handle));
      if (found == calls_.end()) continue;
      late.push_back(std::move(found->second));
      calls_.erase(found);
    }
  }
  for (const CallPtr& call : late) {
    call->End(absl::DeadlineExceededError("deadline passed"));
    call->Deliver();
  }
}

void ModuleCaller::OnWake() {
  uint64_t count;
  if (read(wake_fd_.get(), &count, sizeof count) < 0) count = 0;
  Deliver();
}

void ModuleCaller::QueueFrames(std::string_view frames) {
  writer_->ForceQueue(frames);
}

void ModuleCaller::OnEnded(const CallPtr& call) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Forget(*call);
    to_deliver_.push_back(call);
  }
  // Whoever cancels may hold locks that the listener wants.
  const uint64_t one = 1;
  if (write(wake_fd_.get(), &one, sizeof one) < 0) return;
}

void ModuleCaller::Forget(const ModuleCall& call) {
  if (calls_.erase(call.handle()) > 0) {
    deadlines_.Remove(call.deadline(), call.handle());
  }
}

}  // namespace ramet::stub
