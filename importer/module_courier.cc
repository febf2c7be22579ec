#include "importer/module_courier.h"

#include <memory>
#include <utility>

#include "core/base/sha256.h"
#include "core/base/strings.h"
#include "core/wire/big_endian.h"

namespace ramet::importer {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::Link;
using core::ModuleNotice;
using core::Status;

namespace {

// A name as it stands in a list: with the byte 0 of the next one.
std::string Key(uint32_t kind, std::string_view name) {
  std::string key(2, static_cast<char>('0' + kind));
  key[0] = '\0';
  key.append(name);
  key.push_back('\0');
  return key;
}

bool IsName(std::string_view name) {
  return name.size() <= ModuleCourier::kMaxNameBytes &&
         name.find('\0') == std::string_view::npos;
}

bool Has(const std::string& names, const std::string& key) {
  return names.find(key) != std::string::npos;
}

void Erase(std::string* names, const std::string& key) {
  const size_t at = names->find(key);
  if (at != std::string::npos) names->erase(at, key.size() - 1);
}

void Add(std::string* names, const std::string& key) {
  names->append(key, 1, key.size());
}

}  // namespace

ModuleCourier::ModuleCourier(core::Context* context, ImageCache* cache,
                             Local* local)
    : context_(context), cache_(cache), local_(local) {
  for (const auto handle :
       {core::kGetModule, core::kLoadModule, core::kForwardModule}) {
    context_->SetHandler(
        handle,
        handle == core::kGetModule ? core::Context::Access::kChildren
                                   : core::Context::Access::kParent,
        [this](Link* from, const FrameHeader& header,
               std::string_view payload) { OnFrame(from, header, payload); });
  }
  context_->SetLinkDrainedHandler([this] { Pump(); });
  context_->AddLinkLostHandler(
      [this](Link* link, const Status&) { OnLinkLost(link); });
}

CachedImage* ModuleCourier::Fetch(std::string_view digest) {
  CachedImage* image = cache_->FindOrRead(digest);
  if (image != nullptr) return image;
  if (cache_->Add(digest) == nullptr) return nullptr;
  ModuleNotice notice;
  notice.digest.assign(digest);
  AskAbove(notice);
  image = cache_->Find(digest);
  if (context_->router().parent() != nullptr || image->complete) return image;
  cache_->Remove(image);
  return nullptr;
}

void ModuleCourier::Release(std::string_view digest) {
  const core::Router& router = context_->router();
  for (const Link* link : router.children()) {
    if (!router.HasModule(link->peer_id())) return;
  }
  const CachedImage* const image = cache_->Find(digest);
  if (image != nullptr && image->complete) cache_->Remove(image);
}

bool ModuleCourier::Ask(ModuleNotice::Kind kind, std::string_view name) {
  if (!IsName(name)) return false;
  const std::string key = Key(kind, name);
  if (!Has(asked_, key)) {
    if (Has(unknown_, key) || asked_.size() > kMaxNamesBytes) return false;
    Add(&asked_, key);
    ModuleNotice notice;
    notice.kind = kind;
    notice.target = context_->router().self();
    notice.name.assign(name);
    AskAbove(notice);
  }
  // It may have been answered at once.
  return Has(asked_, key);
}

bool ModuleCourier::Knows(ModuleNotice::Kind kind,
                          std::string_view name) const {
  const std::string key = Key(kind, name);
  return Has(asked_, key) || Has(unknown_, key);
}

void ModuleCourier::AskAbove(const ModuleNotice& notice) {
  const Link* const parent = context_->router().parent();
  if (parent != nullptr) {
    Send(parent->peer_id(), core::kGetModule, core::SerializeControl(notice));
  } else {
    local_->OnAsked(notice);
  }
}

void ModuleCourier::OnFrame(Link* from, const FrameHeader& header,
                            std::string_view payload) {
  if (header.handle == core::kLoadModule) return OnLoad(header, payload);
  ModuleNotice notice;
  if (!core::ParseControl(payload, &notice)) return;
  if (header.handle == core::kGetModule) {
    OnGet(from, &notice);
  } else {
    Pass(notice, payload);
  }
}

void ModuleCourier::OnLoad(const FrameHeader& header,
                           std::string_view payload) {
  if (payload.size() < kLoadModulePrefixBytes) return;
  const std::string_view digest = payload.substr(0, core::kSha256Bytes);
  const uint32_t total = core::LoadBe32(payload.data() + core::kSha256Bytes);
  const uint32_t offset =
      core::LoadBe32(payload.data() + core::kSha256Bytes + 4);
  payload.remove_prefix(kLoadModulePrefixBytes);
  CachedImage* image = cache_->Find(digest);
  if (image == nullptr && offset == 0 && !header.dead()) {
    image = cache_->Add(digest);
  }
  if (image == nullptr || image->complete) return;
  if (header.dead()) {
    return Fail(image, core::Error(core::CodeFromNumber(total), {payload}));
  }
  // Without a length it only says that it will come.
  if (total == 0) return;
  const Status status = cache_->Append(image, total, offset, payload);
  if (!status.ok()) return Fail(image, status);
  const bool complete = image->complete;
  Pump();
  if (complete) local_->OnImage(digest, status);
}

void ModuleCourier::OnGet(Link* from, ModuleNotice* notice) {
  if (notice->kind == ModuleNotice::kImage) {
    if (notice->digest.size() != core::kSha256Bytes) return;
    context_->router().Charge(from, core::kGetModule, kAskCost);
    const ContextId child = from->peer_id();
    Given* const given = FindGiven(child, notice->digest, false);
    if (given == nullptr) {
      return SendFailure(
          child, notice->digest,
          Status(Code::kFailedPrecondition, "its image was not announced"));
    }
    // Also when it is on its way: what was sent may have got lost, as frames of
    // a first flight may.
    given->sent = 0;
    Give(given);
    return Pump();
  }
  if ((notice->kind != ModuleNotice::kService &&
       notice->kind != ModuleNotice::kAgent) ||
      !IsName(notice->name) || !context_->router().HasRoute(notice->target) ||
      context_->router().LinkTo(notice->target) != from) {
    return;
  }
  // What else it says is not for a child to say.
  notice->digest.clear();
  notice->module.clear();
  notice->code = static_cast<uint32_t>(Code::kUnimplemented);
  if (Has(unknown_, Key(notice->kind, notice->name))) return Pass(*notice);
  notice->code = 0;
  AskAbove(*notice);
}

void ModuleCourier::Pass(const ModuleNotice& notice, std::string_view payload) {
  core::Router& router = context_->router();
  if (notice.kind == ModuleNotice::kForget) {
    unknown_.resize(1);
    for (const Link* link : router.children()) {
      if (!router.HasModule(link->peer_id())) {
        Send(link->peer_id(), core::kForwardModule, payload);
      }
    }
    return;
  }
  if (!notice.digest.empty() && notice.digest.size() != core::kSha256Bytes) {
    return;
  }
  const std::string key = Key(notice.kind, notice.name);
  const bool own = notice.target == router.self();
  const bool unknown =
      notice.code == static_cast<uint32_t>(Code::kUnimplemented);
  if ((unknown || (own && notice.code != 0)) && !Has(unknown_, key)) {
    if (unknown_.size() > kMaxNamesBytes) {
      unknown_.erase(0, unknown_.find('\0', 1));
    }
    Add(&unknown_, key);
  }
  if (own) {
    Erase(&asked_, key);
    local_->OnNotice(notice);
    // Another failure holds for who has waited for it only.
    if (notice.code != 0 && !unknown) Erase(&unknown_, key);
    return;
  }
  if (!router.HasRoute(notice.target) || router.HasModule(notice.target)) {
    return;
  }
  const Link* const link = router.LinkTo(notice.target);
  if (!notice.digest.empty()) {
    Given* const given = FindGiven(link->peer_id(), notice.digest, true);
    // Who keeps images may have this one: it asks if not.
    if (!link->keeps_images()) Give(given);
  }
  Send(link->peer_id(), core::kForwardModule, payload);
  Pump();
}

ModuleCourier::Given* ModuleCourier::FindGiven(ContextId child,
                                               std::string_view digest,
                                               bool add) {
  const bool full = given_.size() >= kMaxGiven;
  size_t count = 0;
  size_t oldest = 0;
  for (size_t i = given_.size(); i-- > 0;) {
    Given* const given = given_.at(i);
    if (given->child == child && given->digest == digest) return given;
    if (!full && given->child != child) continue;
    if (count++ == 0 || given->done) oldest = i;
  }
  if (!add) return nullptr;
  if (full || count >= kMaxGivenToChild) Forget(oldest);
  auto given = std::make_unique<Given>();
  given->child = child;
  given->digest.assign(digest);
  return given_.Insert(++last_given_, std::move(given));
}

void ModuleCourier::Give(Given* given) {
  if (!given->done || given->sent != 0) return;
  CachedImage* const image = Fetch(given->digest);
  if (image == nullptr) {
    return SendFailure(given->child, given->digest,
                       Status(Code::kResourceExhausted,
                              "there is no such image, or no room for it"));
  }
  ++image->pins;
  given->done = false;
  std::string prefix(given->digest);
  prefix.resize(kLoadModulePrefixBytes);
  Send(given->child, core::kLoadModule, prefix);
}

void ModuleCourier::Forget(size_t i) {
  const std::unique_ptr<Given> given = given_.Remove(given_.key_at(i));
  if (!given->done) --cache_->Find(given->digest)->pins;
}

void ModuleCourier::Fail(CachedImage* image, const Status& why) {
  const std::string digest = image->digest;
  for (size_t i = given_.size(); i-- > 0;) {
    Given& given = *given_.at(i);
    if (given.done || given.digest != digest) continue;
    given.done = true;
    given.sent = 0;
    SendFailure(given.child, digest, why);
  }
  cache_->Remove(image);
  local_->OnImage(digest, why);
}

void ModuleCourier::SendFailure(ContextId child, std::string_view digest,
                                const Status& why) {
  std::string payload(digest);
  payload.resize(kLoadModulePrefixBytes);
  core::StoreBe32(payload.data() + core::kSha256Bytes,
                  static_cast<uint32_t>(why.code()));
  payload.append(why.message());
  Send(child, core::kLoadModule, payload, core::kFlagDead);
}

void ModuleCourier::Pump() {
  constexpr size_t kPieceBytes =
      core::kMaxPayloadBytes - kLoadModulePrefixBytes;
  for (size_t i = 0; i < given_.size(); ++i) {
    Given& given = *given_.at(i);
    if (given.done) continue;
    CachedImage& image = *cache_->Find(given.digest);
    const Link* const link = context_->router().LinkTo(given.child);
    std::string payload;
    while (given.sent < image.bytes.size() &&
           link->queued_bytes() <= Link::kHighWatermarkBytes) {
      payload = given.digest;
      payload.resize(kLoadModulePrefixBytes);
      char* const numbers = payload.data() + core::kSha256Bytes;
      core::StoreBe32(numbers, image.total);
      core::StoreBe32(numbers + 4, given.sent);
      payload.append(image.bytes, given.sent, kPieceBytes);
      const size_t count = payload.size() - kLoadModulePrefixBytes;
      given.sent += count;
      given_bytes_ += count;
      Send(given.child, core::kLoadModule, payload);
    }
    if (image.complete && given.sent == image.total) {
      given.done = true;
      --image.pins;
    }
  }
}

void ModuleCourier::Send(ContextId to, core::StandardHandle handle,
                         std::string_view payload, uint8_t flags) {
  FrameHeader header;
  header.flags = flags;
  header.dst_id = to;
  header.handle = handle;
  context_->router().Send(header, payload);
}

void ModuleCourier::OnLinkLost(const Link* link) {
  for (size_t i = given_.size(); i-- > 0;) {
    if (given_.at(i)->child == link->peer_id()) Forget(i);
  }
  if (context_->router().parent() != nullptr) return;
  // Nothing comes any more.
  asked_.resize(1);
  while (CachedImage* const image = cache_->AnyArriving()) {
    Fail(image, Status(Code::kUnavailable, "the parent is gone"));
  }
  ModuleNotice nothing;
  nothing.code = static_cast<uint32_t>(Code::kUnavailable);
  local_->OnNotice(nothing);
}

}  // namespace ramet::importer
