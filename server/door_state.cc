#include "server/door_state.h"

#include <utility>

namespace ramet::server {

DoorState::DoorState(ClientPolicy policy)
    : policy_(std::make_shared<const ClientPolicy>(std::move(policy))) {}

std::shared_ptr<const ClientPolicy> DoorState::policy() const {
  absl::ReaderMutexLock lock(&mutex_);
  return policy_;
}

void DoorState::SetPolicy(ClientPolicy policy) {
  auto shared = std::make_shared<const ClientPolicy>(std::move(policy));
  absl::MutexLock lock(&mutex_);
  policy_.swap(shared);
}

void DoorState::BeginCall() {
  absl::MutexLock lock(&mutex_);
  ++calls_;
}

void DoorState::EndCall() {
  absl::MutexLock lock(&mutex_);
  --calls_;
}

bool DoorState::WaitUntilIdle(absl::Duration limit) {
  absl::MutexLock lock(&mutex_);
  const auto idle = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return calls_ == 0;
  };
  return mutex_.AwaitWithTimeout(absl::Condition(&idle), limit);
}

}  // namespace ramet::server
