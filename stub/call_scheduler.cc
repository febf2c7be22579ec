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
  // Streams are in no chain.
  if (!call->chained() || chains_.OnWhole(*call)) Admit(call);
}

void CallScheduler::Admit(const CallPtr& call) {
  if (!call->method().limited) return Serve(call);
  to_admit_.push_back(call);
  if (admitting_) return;
  admitting_ = true;
  while (!to_admit_.empty()) {
    const CallPtr next = std::move(to_admit_.front());
    to_admit_.pop_front();
    bool admitted = false;
    const absl::Status status = admission_.Add(next, &admitted);
    if (status.ok()) {
      if (admitted) Serve(next);
      continue;
    }
    host_->Refuse(next, status);
    if (!next->chained()) continue;
    ChainTable::Turn turn;
    chains_.OnAborted(*next, &turn);
    TakeTurn(turn);
    LeaveChain(*next);
  }
  admitting_ = false;
}

void CallScheduler::OnAborted(const CallPtr& call) {
  std::vector<CallPtr> admitted;
  bool waited = false;
  // A call may be refused before it has a method.
  if (call->has_method() && call->method().limited) {
    waited = admission_.OnAborted(*call, &admitted);
  }
  if (call->chained()) {
    ChainTable::Turn turn;
    chains_.OnAborted(*call, &turn);
    TakeTurn(turn);
    // Its turn had come.
    if (waited) LeaveChain(*call);
  }
  ServeAll(admitted);
}

void CallScheduler::ServeAll(const std::vector<CallPtr>& calls) {
  to_serve_.insert(to_serve_.end(), calls.begin(), calls.end());
  if (serving_) return;
  serving_ = true;
  while (!to_serve_.empty()) {
    const CallPtr next = std::move(to_serve_.front());
    to_serve_.pop_front();
    Serve(next);
  }
  serving_ = false;
}

void CallScheduler::Serve(const CallPtr& call) {
  if (call->kind() != MethodKind::kUnary) return StartStream(call);
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
      (foreign && foreign_streams_ >= options_.max_streams / kForeignPart)) {
    host_->Refuse(call,
                  absl::ResourceExhaustedError(
                      "the module serves as many streaming calls as it may; "
                      "try again when some are over"));
    return Leave(*call);
  }
  ++streams_;
  foreign_streams_ += foreign;
  if (call->method().limited) admission_.OnBegin(*call);
  if (!host_->StartStream(call)) {
    host_->Refuse(call, absl::ResourceExhaustedError(
                            "the system has no thread for a streaming call"));
    OnStreamReturned(*call);
  }
}

CallScheduler::CallPtr CallScheduler::TakeUnary() {
  while (HasUnary()) {
    CallPtr call = std::move(ready_.front());
    ready_.pop_front();
    if (!call->over()) {
      ++unary_at_work_;
      if (call->method().limited) admission_.OnBegin(*call);
      return call;
    }
    // Cancelled, or its deadline passed: it has its answer.
    LeaveChain(*call);
  }
  return nullptr;
}

void CallScheduler::OnUnaryReturned(const ServedCall* call) {
  --unary_at_work_;
  if (call != nullptr) Leave(*call);
}

void CallScheduler::OnStreamReturned(const ServedCall& call) {
  if (answering_.erase(&call) == 0) LeaveStreams(call);
  Leave(call);
}

void CallScheduler::OnMethodReturned(const ServedCall& call) {
  if (call.kind() != MethodKind::kUnary) {
    if (answering_.size() >= static_cast<size_t>(options_.max_streams)) return;
    answering_.insert(&call);
    // First: the one that its service lets in needs a place here as well.
    LeaveStreams(call);
  }
  LeaveService(call);
}

void CallScheduler::LeaveStreams(const ServedCall& call) {
  --streams_;
  foreign_streams_ -= call.foreign();
}

void CallScheduler::LeaveService(const ServedCall& call) {
  if (!call.method().limited) return;
  std::vector<CallPtr> admitted;
  admission_.OnReturned(call, &admitted);
  ServeAll(admitted);
}

void CallScheduler::Leave(const ServedCall& call) {
  LeaveService(call);
  // Behind it, because the next of the chain may want the same place.
  LeaveChain(call);
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
  if (turn.run != nullptr) Admit(turn.run);
}

}  // namespace ramet::stub
