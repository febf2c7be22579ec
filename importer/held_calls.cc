#include "importer/held_calls.h"

#include <utility>

#include "core/wire/call_parts.h"
#include "core/wire/proto_wire.h"

namespace ramet::importer {

using core::Code;
using core::FrameHeader;
using core::Status;

namespace {

// CallHeaders.timeout_us of a call's first frame; 0: none.
int64_t TimeoutUs(std::string_view payload) {
  core::PartReader reader(payload);
  core::Part part;
  (void)reader.Next(&part);
  core::FieldReader field(part.bytes);
  while (field.Next()) {
    // What is longer than a year needs no timer.
    if (field.number() == 2 && field.varint() < uint64_t{1} << 45) {
      return static_cast<int64_t>(field.varint());
    }
  }
  return 0;
}

}  // namespace

HeldCalls::Call* HeldCalls::Find(uint64_t key) const {
  for (size_t i = 0; i < calls_.size(); ++i) {
    Call* const call = calls_.at(i);
    if (core::CallKey(call->first.src_id, call->first.reply_to) == key) {
      return call;
    }
  }
  return nullptr;
}

void HeldCalls::Hold(const FrameHeader& header, std::string_view payload) {
  const uint64_t key = core::CallKey(header.src_id, header.reply_to);
  Call* call = Find(key);
  // The authority of a call can't change.
  if (call != nullptr && call->first.auth_id != header.auth_id) return;
  if (core::HasPart(payload, core::PartKind::kCancel)) return Drop(key, 0);
  const bool foreign = !context_->IsSelfOrAncestor(header.src_id) ||
                       !context_->IsSelfOrAncestor(header.auth_id);
  size_t calls = 0;
  size_t bytes = payload.size();
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (foreign && !calls_.at(i)->foreign) continue;
    ++calls;
    bytes += calls_.at(i)->frames.size();
  }
  if (calls >= kMaxCalls >> 2 * foreign || bytes > kMaxBytes >> 2 * foreign) {
    context_->router().SendDead(header,
                                Status(Code::kResourceExhausted,
                                       "too many calls wait for modules here"));
    return Drop(key, 0);
  }
  if (call == nullptr) {
    auto held = std::make_unique<Call>();
    held->first = header;
    held->foreign = foreign;
    held->deadline_us = deadline_us_;
    const int64_t now_us = context_->loop()->NowUs();
    if (deadline_us_ == 0) {
      const int64_t timeout_us = TimeoutUs(payload);
      if (timeout_us != 0) held->deadline_us = now_us + timeout_us;
    }
    held->timer = 0;
    if (held->deadline_us != 0) {
      held->timer =
          context_->loop()->RunAfter(held->deadline_us - now_us, [this, key] {
            context_->router().SendDead(
                Find(key)->first,
                Status(Code::kDeadlineExceeded, "the module had not arrived"));
            Drop(key, 0);
          });
    }
    call = calls_.Insert(++last_call_, std::move(held));
  }
  char bytes_of_header[core::kFrameHeaderBytes];
  FrameHeader kept = header;
  kept.length = static_cast<uint32_t>(payload.size());
  kept.Serialize(bytes_of_header);
  call->frames.append(bytes_of_header, sizeof bytes_of_header);
  call->frames.append(payload);
}

void HeldCalls::Release(const FrameHandler& begin) {
  const uint64_t last = last_call_;
  while (calls_.size() > 0 && calls_.key_at(0) <= last) {
    const std::unique_ptr<Call> call = calls_.Remove(calls_.key_at(0));
    context_->loop()->CancelTimer(call->timer);
    deadline_us_ = call->deadline_us;
    std::string_view frames = call->frames;
    while (!frames.empty()) {
      FrameHeader header;
      (void)FrameHeader::Parse(frames.data(), &header);
      begin(header, frames.substr(core::kFrameHeaderBytes, header.length));
      frames.remove_prefix(core::kFrameHeaderBytes + header.length);
    }
  }
  deadline_us_ = 0;
}

void HeldCalls::Drop(uint64_t key, core::ContextId caller) {
  for (size_t i = calls_.size(); i-- > 0;) {
    const Call& call = *calls_.at(i);
    const FrameHeader& first = call.first;
    if (key != 0 ? core::CallKey(first.src_id, first.reply_to) != key
                 : caller != core::kUnknownId && first.src_id != caller) {
      continue;
    }
    context_->loop()->CancelTimer(call.timer);
    calls_.Remove(calls_.key_at(i));
  }
}

}  // namespace ramet::importer
