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

}  // namespace ramet::stub
