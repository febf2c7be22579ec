#include "stub/call_table.h"

#include <algorithm>

#include "core/wire/call_parts.h"
#include "core/wire/method_name.h"

namespace ramet::stub {
namespace {

// The HEADERS part that a call begins with; false: there is none.
bool FirstHeaders(std::string_view payload, std::string_view* bytes) {
  core::PartReader reader(payload);
  core::Part part;
  if (!reader.Next(&part) || part.kind != core::PartKind::kHeaders) {
    return false;
  }
  *bytes = part.bytes;
  return true;
}

}  // namespace

bool CallTable::IsForeign(core::ContextId caller) const {
  const auto& ids = options_.ancestor_ids;
  return std::find(ids.begin(), ids.end(), caller) == ids.end();
}

std::shared_ptr<ServedCall> CallTable::Open(const core::FrameHeader& header,
                                            std::string_view headers,
                                            bool* refused) {
  ServedCall::Options options;
  options.own_id = options_.own_id;
  options.max_message_bytes = options_.max_message_bytes;
  // A context's own modules call in its name, and not on its authority.
  options.foreign = IsForeign(header.src_id) || IsForeign(header.auth_id);
  core::MethodName name;
  path_.clear();
  if (core::PeekMethod(headers, &name)) {
    path_ += '/';
    path_ += name.service;
    path_ += '/';
    path_ += name.method;
    options.method = methods_->Find(path_);
  }
  if (options.method != nullptr &&
      options.method->limits->max_message_bytes != 0) {
    options.max_message_bytes = options.method->limits->max_message_bytes;
  }
  auto call = std::make_shared<ServedCall>(header, options, port_);
  if (calls_.size() >= kMaxOpenCalls) {
    call->Abort(absl::ResourceExhaustedError(
        "the module has " + std::to_string(kMaxOpenCalls) +
        " calls to answer already; try again when some are over"));
  } else if (path_.empty()) {
    call->Abort(absl::InternalError("malformed call headers"));
  } else if (options.method == nullptr) {
    call->Abort(methods_->Unknown(path_));
  } else {
    calls_[call->key()] = call;
    *refused = false;
  }
  return call;
}

std::shared_ptr<ServedCall> CallTable::OnFrame(const core::FrameHeader& header,
                                               std::string_view payload,
                                               ServedCall::Fed* fed) {
  std::shared_ptr<ServedCall> call =
      Find(core::CallKey(header.src_id, header.reply_to));
  if (call == nullptr) {
    std::string_view headers;
    if (!FirstHeaders(payload, &headers)) return nullptr;
    bool refused = true;
    call = Open(header, headers, &refused);
    if (refused) {
      fed->over = fed->has_frames = true;
      return call;
    }
  } else if (call->authority_id() != header.auth_id) {
    // A call goes on under the authority that it began with.
    return nullptr;
  }
  *fed = call->Feed(payload);
  return call;
}

std::shared_ptr<ServedCall> CallTable::Find(uint64_t key) const {
  auto found = calls_.find(key);
  return found == calls_.end() ? nullptr : found->second;
}

bool CallTable::Remove(const ServedCall& call) {
  auto found = calls_.find(call.key());
  if (found == calls_.end() || found->second.get() != &call) return false;
  calls_.erase(found);
  return true;
}

}  // namespace ramet::stub
