#ifndef SERVER_DOOR_STATE_H_
#define SERVER_DOOR_STATE_H_

#include <stdint.h>

#include <atomic>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/client_policy.h"

namespace ramet::server {

// What the servers of one front door share: the policy in force, whether it
// drains, and how many calls are at work. Threads: any.
class DoorState {
 public:
  explicit DoorState(ClientPolicy policy);

  std::shared_ptr<const ClientPolicy> policy() const;
  void SetPolicy(ClientPolicy policy);

  bool draining() const { return draining_; }
  void StartDraining() { draining_ = true; }

  void BeginCall();
  void EndCall();
  // False if calls are still at work after `limit`.
  bool WaitUntilIdle(absl::Duration limit);

  // Calls that the door has refused, for metrics.
  std::atomic<uint64_t> refused_by_policy{0};
  std::atomic<uint64_t> refused_while_draining{0};

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const ClientPolicy> policy_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<bool> draining_{false};
};

}  // namespace ramet::server

#endif  // SERVER_DOOR_STATE_H_
