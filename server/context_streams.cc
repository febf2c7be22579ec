#include "server/context_streams.h"

#include <algorithm>
#include <variant>

#include "absl/time/clock.h"

namespace ramet::server {

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

namespace {

v1::ContextChange::Kind ToProto(TreeChange::Kind kind) {
  switch (kind) {
    case TreeChange::Kind::kAdded:
      return v1::ContextChange::ADDED;
    case TreeChange::Kind::kPhase:
      return v1::ContextChange::PHASE;
    case TreeChange::Kind::kReady:
      return v1::ContextChange::READY;
    case TreeChange::Kind::kLost:
      return v1::ContextChange::LOST;
  }
  return v1::ContextChange::UNKNOWN;
}

void FillChange(const TreeChange& change, v1::ContextChange* out) {
  out->set_kind(ToProto(change.kind));
  Fill(change.info, out->mutable_context());
  out->set_phase(change.phase);
  out->set_code(static_cast<uint32_t>(change.why.code()));
  out->set_reason(std::string(change.why.message()));
}

}  // namespace

WatchSource::Next WatchSource::TakeNext(v1::WatchReply* reply, grpc::Status*) {
  while (auto news = subscription_->TakeNext()) {
    reply->Clear();
    if (const auto* part = std::get_if<TreeHub::SnapshotPart>(&*news)) {
      v1::Snapshot* const snapshot = reply->mutable_snapshot();
      snapshot->set_more(part->more);
      for (const ContextInfo& info : part->contexts) {
        if (visible_(info.name)) Fill(info, snapshot->add_contexts());
      }
      return Next::kMessage;
    }
    const TreeChange& change = std::get<TreeChange>(*news);
    if (!visible_(change.info.name)) continue;
    FillChange(change, reply->mutable_change());
    return Next::kMessage;
  }
  return Next::kNothing;
}

LogSource::Next LogSource::TakeNext(v1::LogLine* reply, grpc::Status*) {
  while (auto next = subscription_->TakeNext()) {
    const LogLine& line = next->line;
    // Lost lines are told whosever they were: only their number.
    if (next->dropped == 0 && !visible_(line.context)) continue;
    reply->Clear();
    reply->set_dropped(next->dropped);
    if (visible_(line.context)) {
      reply->set_context(line.context);
      reply->set_level(static_cast<v1::LogLevel>(line.level));
      reply->set_source(line.source);
      reply->set_text(line.text);
    }
    return Next::kMessage;
  }
  return Next::kNothing;
}

ConnectSource::ConnectSource(
    std::string target, const TreeHub* tree,
    std::shared_ptr<TreeHub::Subscription> subscription, Admission admission)
    : target_(std::move(target)),
      tree_(tree),
      subscription_(std::move(subscription)),
      admission_(std::move(admission)),
      start_(absl::Now()) {}

void ConnectSource::OnDone(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  done_ = true;
  status_ = status;
}

bool ConnectSource::AddPhase(const std::string& context,
                             const std::string& phase) {
  if (!IsAtOrBelow(target_, context)) return false;
  v1::ConnectPhase& added = phases_.emplace_back();
  added.set_context(context);
  added.set_hop_number(static_cast<uint32_t>(
      1 + std::count(context.begin(), context.end(), '/')));
  added.set_phase(phase);
  added.set_elapsed_ms(
      static_cast<uint32_t>(absl::ToInt64Milliseconds(absl::Now() - start_)));
  return true;
}

ConnectSource::Next ConnectSource::TakeNext(v1::ConnectProgress* reply,
                                            grpc::Status* status) {
  reply->Clear();
  bool done = false;
  {
    // Read before the phases: what came before the end is told before it.
    absl::MutexLock lock(&mutex_);
    done = done_;
    *status = ToGrpc(status_);
  }
  while (phases_.empty()) {
    auto news = subscription_->TakeNext();
    if (!news.has_value()) break;
    if (const auto* part = std::get_if<TreeHub::SnapshotPart>(&*news)) {
      for (const ContextInfo& info : part->contexts) {
        AddPhase(info.name, info.ready ? "ready" : "waiting");
      }
      continue;
    }
    const TreeChange& change = std::get<TreeChange>(*news);
    switch (change.kind) {
      case TreeChange::Kind::kAdded:
        AddPhase(change.info.name, "waiting");
        break;
      case TreeChange::Kind::kPhase:
        // gRPC's "call" begins when the context is ready.
        if (change.phase != "call") AddPhase(change.info.name, change.phase);
        break;
      case TreeChange::Kind::kReady:
        AddPhase(change.info.name, "ready");
        break;
      case TreeChange::Kind::kLost:
        break;  // its reason is the end's
    }
  }
  if (!phases_.empty()) {
    *reply->mutable_phase() = std::move(phases_.front());
    phases_.pop_front();
    return Next::kMessage;
  }
  if (!done) return Next::kNothing;
  if (!status->ok() || told_end_) return Next::kEnd;
  const auto info = tree_->Find(target_);
  if (!info.has_value()) {
    *status = grpc::Status(grpc::StatusCode::UNAVAILABLE,
                           target_ + " was lost right after its connect");
    return Next::kEnd;
  }
  told_end_ = true;
  Fill(*info, reply->mutable_connected());
  return Next::kMessage;
}

}  // namespace ramet::server
