#include "stub/call_scheduler.h"

#include <utility>

namespace ramet::stub {
namespace {

// Calls that are over may wait in vain up to this many, and as many as others.
constexpr size_t kMaxDeadCalls = 1024;

}  // namespace

bool CallScheduler::OnOpened(const CallPtr& call) {
  if (!call->chained()) return true;
  const absl::Status status = chains_.Add(call);
  if (!status.ok()) host_->Refuse(call, status);
  return status.ok();
}

void CallScheduler::OnWhole(const CallPtr& call) {
  if (call->kind() != MethodKind::kUnary) return StartStream(call);
  if (!call->chained() || chains_.OnWhole(*call)) AddReady(call);
}

void CallScheduler::OnAborted(const CallPtr& call) {
  if (!call->chained()) return;
  ChainTable::Turn turn;
  chains_.OnAborted(*call, &turn);
  TakeTurn(turn);
}

void CallScheduler::AddReady(const CallPtr& call) {
  if (ready_.size() > 2 * kept_ + kMaxDeadCalls) DropCancelled();
  ready_.push_back(call);
}

void CallScheduler::DropCancelled() {
  std::deque<CallPtr> all;
  all.swap(ready_);
  for (CallPtr& call : all) {
    if (call->over()) {
      LeaveChain(*call);
    } else {
      ready_.push_back(std::move(call));
    }
  }
  kept_ = ready_.size();
}

void CallScheduler::StartStream(const CallPtr& call) {
  const bool foreign = call->foreign();
  if (streams_ >= options_.max_streams ||
      (foreign && foreign_streams_ >= options_.max_streams / 4)) {
    return host_->Refuse(
        call, absl::ResourceExhaustedError(
                  "the module serves as many streaming calls as it may; try "
                  "again when some are over"));
  }
  ++streams_;
  foreign_streams_ += foreign;
  if (!host_->StartStream(call)) {
    --streams_;
    foreign_streams_ -= foreign;
    host_->Refuse(call, absl::ResourceExhaustedError(
                            "the system has no thread for a streaming call"));
  }
}

CallScheduler::CallPtr CallScheduler::TakeUnary() {
  while (HasUnary()) {
    CallPtr call = std::move(ready_.front());
    ready_.pop_front();
    if (!call->over()) {
      ++unary_at_work_;
      return call;
    }
    // Cancelled, or its deadline passed: it has its answer.
    LeaveChain(*call);
  }
  return nullptr;
}

void CallScheduler::OnUnaryReturned(const ServedCall* call) {
  --unary_at_work_;
  if (call != nullptr) LeaveChain(*call);
}

void CallScheduler::OnStreamReturned(const ServedCall& call) {
  --streams_;
  foreign_streams_ -= call.foreign();
}

void CallScheduler::LeaveChain(const ServedCall& call) {
  if (!call.chained()) return;
  ChainTable::Turn turn;
  chains_.OnReturned(call, &turn);
  TakeTurn(turn);
}

void CallScheduler::TakeTurn(const ChainTable::Turn& turn) {
  // They have no place in the chain any more.
  for (const CallPtr& call : turn.failed) host_->Refuse(call, turn.why);
  if (turn.run != nullptr) AddReady(turn.run);
}

}  // namespace ramet::stub
