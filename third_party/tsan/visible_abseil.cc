// Makes the synchronisation of Debian's Abseil visible to the thread sanitizer.
// The library is not instrumented: what one of its mutexes orders would look
// like a race. The definitions here take the place of the library's in the
// whole process, gRPC's uses included, because a program's symbols come before
// a shared library's; each does what the library's own does, and tells the
// sanitizer. Empty in every other build.
//
// Only what really orders is told (acquire after locking, release before
// unlocking), so that races beside a mutex are still found.
#if defined(__SANITIZE_THREAD__)

#include <sanitizer/tsan_interface.h>
#include <time.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "third_party/tsan/real.h"

// Conditions are looked at again this often: the library would evaluate them on
// a thread that has just unlocked the mutex, behind what was told.
static constexpr timespec kPollInterval = {0, 200'000};

#define RAMET_ABSL(name) "_ZN4absl7debian3" name
#define RAMET_ABSL_CONST(name) "_ZNK4absl7debian3" name

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  RAMET_REAL(void(Mutex*), RAMET_ABSL("5Mutex4LockEv"))(this);
  __tsan_acquire(this);
}

bool Mutex::TryLock() {
  const bool locked =
      RAMET_REAL(bool(Mutex*), RAMET_ABSL("5Mutex7TryLockEv"))(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::Unlock() {
  __tsan_release(this);
  RAMET_REAL(void(Mutex*), RAMET_ABSL("5Mutex6UnlockEv"))(this);
}

void Mutex::ReaderLock() {
  RAMET_REAL(void(Mutex*), RAMET_ABSL("5Mutex10ReaderLockEv"))(this);
  __tsan_acquire(this);
}

void Mutex::ReaderUnlock() {
  __tsan_release(this);
  RAMET_REAL(void(Mutex*), RAMET_ABSL("5Mutex12ReaderUnlockEv"))(this);
}

void Mutex::Await(const Condition& condition) {
  AwaitWithDeadline(condition, InfiniteFuture());
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  return AwaitWithDeadline(condition, Now() + timeout);
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  while (!condition.Eval()) {
    if (Now() >= deadline) return false;
    Unlock();
    nanosleep(&kPollInterval, nullptr);
    Lock();
  }
  return true;
}

void Mutex::LockWhen(const Condition& condition) {
  Lock();
  Await(condition);
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  Lock();
  return AwaitWithDeadline(condition, deadline);
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  Lock();
  return AwaitWithTimeout(condition, timeout);
}

void CondVar::Wait(Mutex* mutex) {
  __tsan_release(mutex);
  RAMET_REAL(void(CondVar*, Mutex*), RAMET_ABSL("7CondVar4WaitEPNS0_5MutexE"))
  (this, mutex);
  __tsan_acquire(mutex);
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  __tsan_release(mutex);
  const bool timed_out = RAMET_REAL(
      bool(CondVar*, Mutex*, Time),
      RAMET_ABSL("7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE"))(
      this, mutex, deadline);
  __tsan_acquire(mutex);
  return timed_out;
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  return WaitWithDeadline(mutex, Now() + timeout);
}

void Notification::Notify() {
  __tsan_release(this);
  RAMET_REAL(void(Notification*), RAMET_ABSL("12Notification6NotifyEv"))(this);
}

void Notification::WaitForNotification() const {
  RAMET_REAL(void(const Notification*),
             RAMET_ABSL_CONST("12Notification19WaitForNotificationEv"))
  (this);
  __tsan_acquire(const_cast<Notification*>(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  const bool notified = RAMET_REAL(
      bool(const Notification*, Duration),
      RAMET_ABSL_CONST(
          "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE"))(
      this, timeout);
  __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl

#endif  // __SANITIZE_THREAD__
