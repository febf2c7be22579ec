#include "core/route/handle_table.h"

#include <vector>

#include "core/wire/control.h"

namespace ramet::core {

HandleId HandleTable::Add(ContextId respondent, ReplyHandler* handler) {
  while (next_ < kFirstDynamicHandle || entries_.Has(next_)) ++next_;
  entries_.Insert(next_,
                  std::unique_ptr<Entry>(new Entry{respondent, handler}));
  return next_++;
}

bool HandleTable::Respondent(HandleId handle, ContextId* respondent) const {
  const Entry* const entry = entries_.Find(handle);
  if (entry == nullptr) return false;
  *respondent = entry->respondent;
  return true;
}

void HandleTable::Deliver(const FrameHeader& header, std::string_view payload) {
  const Entry* const entry = entries_.Find(header.handle);
  if (entry == nullptr) return;
  ReplyHandler* const handler = entry->handler;
  if (!header.dead()) {
    handler->OnReply(header, payload);
    return;
  }
  entries_.Remove(header.handle);
  Dead dead;
  if (!ParseControl(payload, &dead) || dead.code == 0) {
    dead.code = static_cast<uint32_t>(Code::kUnavailable);
    dead.message = "dead reply without a reason";
  }
  handler->OnDead(Status(CodeFromNumber(dead.code), std::move(dead.message)));
}

void HandleTable::FailRespondent(ContextId respondent, const Status& why) {
  Fail(false, respondent, why);
}

void HandleTable::FailAll(const Status& why) { Fail(true, 0, why); }

void HandleTable::Fail(bool all, ContextId respondent, const Status& why) {
  std::vector<uint64_t> failed;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (all || entries_.at(i)->respondent == respondent) {
      failed.push_back(entries_.key_at(i));
    }
  }
  // One handler's OnDead may remove another's handle.
  for (uint64_t handle : failed) {
    const std::unique_ptr<Entry> entry = entries_.Remove(handle);
    if (entry != nullptr) entry->handler->OnDead(why);
  }
}

}  // namespace ramet::core
