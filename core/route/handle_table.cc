#include "core/route/handle_table.h"

#include <vector>

#include "core/wire/control.h"

namespace ramet::core {

HandleId HandleTable::Add(ContextId respondent, ReplyHandler* handler) {
  while (next_ < kFirstDynamicHandle || entries_.count(next_)) ++next_;
  entries_[next_] = Entry{respondent, handler};
  return next_++;
}

bool HandleTable::Respondent(HandleId handle, ContextId* respondent) const {
  auto it = entries_.find(handle);
  if (it == entries_.end()) return false;
  *respondent = it->second.respondent;
  return true;
}

void HandleTable::Deliver(const FrameHeader& header, std::string_view payload) {
  auto it = entries_.find(header.handle);
  if (it == entries_.end()) return;
  ReplyHandler* const handler = it->second.handler;
  if (!header.dead()) {
    handler->OnReply(header, payload);
    return;
  }
  entries_.erase(it);
  Dead dead;
  if (!ParseControl(payload, &dead) || dead.code == 0) {
    dead.code = static_cast<uint32_t>(Code::kUnavailable);
    dead.message = "dead reply without a reason";
  }
  handler->OnDead(Status(CodeFromNumber(dead.code), std::move(dead.message)));
}

template <typename Predicate>
void HandleTable::FailIf(Predicate predicate, const Status& why) {
  std::vector<HandleId> failed;
  for (const auto& [handle, entry] : entries_) {
    if (predicate(entry)) failed.push_back(handle);
  }
  // One handler's OnDead may remove another's handle.
  for (HandleId handle : failed) {
    auto it = entries_.find(handle);
    if (it == entries_.end()) continue;
    ReplyHandler* const handler = it->second.handler;
    entries_.erase(it);
    handler->OnDead(why);
  }
}

void HandleTable::FailRespondent(ContextId respondent, const Status& why) {
  FailIf([respondent](
             const Entry& entry) { return entry.respondent == respondent; },
         why);
}

void HandleTable::FailAll(const Status& why) {
  FailIf([](const Entry&) { return true; }, why);
}

}  // namespace ramet::core
