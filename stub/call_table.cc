#include "stub/call_table.h"

#include <utility>

#include "core/wire/call_parts.h"

namespace ramet::stub {
namespace {

bool BeginsWithHeaders(std::string_view payload) {
  core::PartReader reader(payload);
  core::Part part;
  return reader.Next(&part) && part.kind == core::PartKind::kHeaders;
}

bool HasCancel(std::string_view payload) {
  core::PartReader reader(payload);
  core::Part part;
  while (reader.Next(&part)) {
    if (part.kind == core::PartKind::kCancel) return true;
  }
  return false;
}

}  // namespace

ServedCall* CallTable::Open(const core::FrameHeader& header) {
  const bool full = calls_.size() >= kMaxOpenCalls;
  auto call = std::make_unique<ServedCall>(header, max_message_bytes_);
  if (full) {
    call->Refuse(core::Status(
        core::Code::kResourceExhausted,
        "the module has " + std::to_string(kMaxOpenCalls) +
            " calls to answer already; try again when some are over"));
  }
  ServedCall* opened = call.get();
  calls_[core::CallKey(header.src_id, header.reply_to)] = std::move(call);
  return opened;
}

ServedCall* CallTable::OnFrame(const core::FrameHeader& header,
                               std::string_view payload) {
  auto found = calls_.find(core::CallKey(header.src_id, header.reply_to));
  if (found == calls_.end()) {
    if (!BeginsWithHeaders(payload)) return nullptr;
    ServedCall* call = Open(header);
    if (!call->whole()) call->Feed(payload);
    return call->whole() ? call : nullptr;
  }
  ServedCall* call = found->second.get();
  // A call goes on under the authority that it began with.
  if (call->authority_id() != header.auth_id) return nullptr;
  if (call->whole()) {
    if (HasCancel(payload)) call->Cancel();
    return nullptr;
  }
  call->Feed(payload);
  return call->whole() ? call : nullptr;
}

std::unique_ptr<ServedCall> CallTable::Remove(const ServedCall& call) {
  auto found = calls_.find(core::CallKey(call.caller_id(), call.reply_to()));
  if (found == calls_.end()) return nullptr;
  std::unique_ptr<ServedCall> removed = std::move(found->second);
  calls_.erase(found);
  return removed;
}

}  // namespace ramet::stub
