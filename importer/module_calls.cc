#include "importer/module_calls.h"

#include "core/base/strings.h"
#include "core/wire/call_parts.h"

namespace ramet::importer {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::Link;
using core::Status;

// One call that is out, and where its answer comes.
class ModuleCalls::Call final : public core::ReplyHandler {
 public:
  Call(ModuleCalls* calls, Link* link, const FrameHeader& first)
      : calls_(calls),
        link_(link),
        first_(first),
        handle_(calls->context_->handles().Add(first.dst_id, this)) {}
  ~Call() override { calls_->context_->handles().Remove(handle_); }

  // Of the call's first frame, as the module sent it.
  const FrameHeader& first() const { return first_; }

  // Sends a frame of the module's on.
  void Send(Link* from, uint8_t flags, std::string_view payload) {
    FrameHeader header = first_;
    // Nothing goes ahead of the beginning, nor of the route to the authority.
    header.flags = answered_ ? flags & core::kFlagPriority : 0;
    header.src_id = router().self();
    header.reply_to = handle_;
    if (header.dst_id == header.src_id) {
      router().SendAs(header, payload);
    } else {
      router().Relay(from, header, payload);
    }
  }

 private:
  core::Router& router() const { return calls_->context_->router(); }
  uint64_t key() const { return core::CallKey(first_.src_id, first_.reply_to); }

  void OnReply(const FrameHeader& header, std::string_view payload) override {
    answered_ = true;
    if (link_->queued_bytes() + payload.size() > Link::kMaxQueuedBytes / 2) {
      // A gap in the answer would go unnoticed.
      const std::unique_ptr<Call> self = calls_->calls_.Remove(key());
      Send(nullptr, 0, core::CancelPayload());
      router().SendDead(first_, Status(Code::kResourceExhausted,
                                       "the module does not read its answers"));
      return;
    }
    FrameHeader to_module = header;
    to_module.dst_id = first_.src_id;
    to_module.handle = first_.reply_to;
    to_module.reply_to = core::kNoHandle;
    router().SendAs(to_module, payload);
    if (core::HasPart(payload, core::PartKind::kTrailers)) {
      calls_->calls_.Remove(key());
    }
  }

  void OnDead(const Status& why) override {
    const std::unique_ptr<Call> self = calls_->calls_.Remove(key());
    router().SendDead(first_, why);
  }

  ModuleCalls* const calls_;
  Link* const link_;  // the module's; the call does not outlive it
  const FrameHeader first_;
  const core::HandleId handle_;
  bool answered_ = false;
};

ModuleCalls::ModuleCalls(core::Context* context) : context_(context) {}

ModuleCalls::~ModuleCalls() = default;

void ModuleCalls::OnFrame(Link* link, const FrameHeader& header,
                          std::string_view payload) {
  Call* call = calls_.Find(core::CallKey(header.src_id, header.reply_to));
  if (call == nullptr) call = Begin(link, header, payload);
  if (call == nullptr || header.dst_id != call->first().dst_id) return;
  if (core::HasPart(payload, core::PartKind::kCancel)) {
    const std::unique_ptr<Call> ended =
        calls_.Remove(core::CallKey(header.src_id, header.reply_to));
    ended->Send(link, header.flags, payload);
  } else {
    call->Send(link, header.flags, payload);
  }
}

ModuleCalls::Call* ModuleCalls::Begin(Link* link, const FrameHeader& header,
                                      std::string_view payload) {
  core::PartReader reader(payload);
  core::Part part;
  // The rest of a call that is over begins with something else.
  if (!reader.Next(&part) || part.kind != core::PartKind::kHeaders) {
    return nullptr;
  }
  if (CallsOf(header.src_id) >= kMaxCalls) {
    context_->router().SendDead(
        header,
        Error(Code::kResourceExhausted,
              {context_->router().NameOf(header.src_id), " of context ",
               context_->router().name(), " has ", kMaxCalls, " calls out"}));
    return nullptr;
  }
  // From now on hops above take its authority from here, and only from here.
  context_->router().AnnounceModule(header.src_id);
  return calls_.Insert(core::CallKey(header.src_id, header.reply_to),
                       std::make_unique<Call>(this, link, header));
}

size_t ModuleCalls::CallsOf(ContextId module) const {
  size_t count = 0;
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (calls_.key_at(i) >> 32 == module) ++count;
  }
  return count;
}

void ModuleCalls::CancelAllOf(ContextId module) {
  for (size_t i = calls_.size(); i-- > 0;) {
    if (calls_.key_at(i) >> 32 != module) continue;
    const std::unique_ptr<Call> call = calls_.Remove(calls_.key_at(i));
    call->Send(nullptr, 0, core::CancelPayload());
  }
}

}  // namespace ramet::importer
