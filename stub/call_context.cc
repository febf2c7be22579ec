#include "stub/call_context.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace ramet::stub {

const std::string* CallContext::FindMetadata(const std::string& key) const {
  for (const core::Metadata& entry : headers_.metadata) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

bool CallContext::is_cancelled() const {
  return cancelled_.is_set() || deadline_passed();
}

bool CallContext::deadline_passed() const {
  return deadline_ != absl::InfiniteFuture() && absl::Now() >= deadline_;
}

bool CallContext::WaitUntilCancelled(absl::Duration duration) const {
  duration = std::min(duration, deadline_ - absl::Now());
  // Rounded up, so that afterwards the deadline has passed.
  const int64_t timeout_us =
      duration == absl::InfiniteDuration()
          ? -1
          : std::max<int64_t>(0, absl::ToInt64Microseconds(absl::Ceil(
                                     duration, absl::Microseconds(1))));
  cancelled_.WaitFor(timeout_us);
  return is_cancelled();
}

bool CallContext::Add(Answer* answer, std::string key,
                      std::string value) const {
  if (!CheckMetadataPair(key, value).ok()) return false;
  std::lock_guard<std::mutex> lock(mutex_);
  const size_t bytes = answer->bytes + key.size() + value.size();
  if (answer->taken || bytes > kMaxMetadataBytes) return false;
  answer->bytes = bytes;
  answer->metadata.emplace_back(std::move(key), std::move(value));
  return true;
}

void CallContext::CompressReplies(Compression compression) const {
  const bool accepted =
      (headers_.accepted_encodings & CompressionBit(compression)) != 0;
  reply_compression_ = accepted ? compression : Compression::kNone;
  if (accepted) compressor_ = &Compress;
}

bool CallContext::AddInitialMetadata(std::string key, std::string value) const {
  return Add(&initial_, std::move(key), std::move(value));
}

bool CallContext::AddTrailingMetadata(std::string key,
                                      std::string value) const {
  return Add(&trailing_, std::move(key), std::move(value));
}

MetadataPairs CallContext::Take(Answer* answer) const {
  std::lock_guard<std::mutex> lock(mutex_);
  answer->taken = true;
  return std::move(answer->metadata);
}

MetadataPairs CallContext::TakeInitialMetadata() const {
  return Take(&initial_);
}

MetadataPairs CallContext::TakeTrailingMetadata() const {
  return Take(&trailing_);
}

std::shared_ptr<CallTie> CallContext::TiedCalls() const {
  std::shared_ptr<CallTie> tied;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (tied_ == nullptr) tied_ = std::make_shared<CallTie>(deadline_);
    tied = tied_;
  }
  // Cancel() may have come before there was one.
  if (cancelled_.is_set()) tied->End();
  return tied;
}

void CallContext::EndTiedCalls() const {
  std::shared_ptr<CallTie> tied;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    tied = tied_;
  }
  if (tied != nullptr) tied->End();
}

Context CallContext::context_by_id(core::ContextId id, Tie tie) const {
  const std::string name =
      id == core::kMasterId ? "master" : "context " + std::to_string(id);
  if (origin_ == nullptr) return Context(nullptr, name);
  const Context context(
      origin_->ChannelTo(id, tie == Tie::kTied ? TiedCalls() : nullptr), name);
  ClientInterceptors interceptors;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    interceptors = interceptors_;
  }
  return Intercepted(context, std::move(interceptors));
}

void CallContext::InterceptCalls(
    std::shared_ptr<ClientInterceptor> interceptor) const {
  std::lock_guard<std::mutex> lock(mutex_);
  interceptors_.insert(interceptors_.begin(), std::move(interceptor));
}

Context CallContext::master(Tie tie) const {
  return context_by_id(core::kMasterId, tie);
}

Context CallContext::own_context(Tie tie) const {
  if (origin_ == nullptr) return Context();
  return context_by_id(origin_->path().front(), tie);
}

Context CallContext::parent(Tie tie) const {
  if (origin_ == nullptr) return Context();
  const std::vector<core::ContextId>& path = origin_->path();
  return context_by_id(path.size() > 1 ? path[1] : path[0], tie);
}

Context CallContext::caller_context(Tie tie) const {
  return context_by_id(caller_.id, tie);
}

void CallContext::Cancel() {
  cancelled_.Set();
  EndTiedCalls();
  std::lock_guard<std::mutex> lock(callbacks_mutex_);
  for (CancelCallback* callback : callbacks_) callback->function_();
  callbacks_.clear();
}

CancelCallback::CancelCallback(const CallContext& context,
                               std::function<void()> function)
    : context_(context), function_(std::move(function)) {
  std::lock_guard<std::mutex> lock(context_.callbacks_mutex_);
  if (context_.cancelled_.is_set()) {
    function_();
  } else {
    context_.callbacks_.push_back(this);
  }
}

CancelCallback::~CancelCallback() {
  std::lock_guard<std::mutex> lock(context_.callbacks_mutex_);
  auto& callbacks = context_.callbacks_;
  callbacks.erase(std::remove(callbacks.begin(), callbacks.end(), this),
                  callbacks.end());
}

}  // namespace ramet::stub
