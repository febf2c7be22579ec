// pthread_once for std::call_once, whose function may throw: then the next call
// tries again. musl's own is C without unwind tables, in which an exception
// ends the program. The linker sends calls of pthread_once here.

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace {

// Of a pthread_once_t. 0 is PTHREAD_ONCE_INIT.
enum State : int { kNew = 0, kRunning = 1, kDone = 2, kAwaited = 3 };

void Wake(int* control) {
  syscall(SYS_futex, control, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

// Says how it ended, even by an exception.
struct End {
  ~End() {
    if (__atomic_exchange_n(control, state, __ATOMIC_ACQ_REL) == kAwaited) {
      Wake(control);
    }
  }
  int* const control;
  State state = kNew;
};

}  // namespace

extern "C" int __wrap_pthread_once(pthread_once_t* control, void (*run)()) {
  static_assert(sizeof(*control) == sizeof(int));
  while (true) {
    int state = __atomic_load_n(control, __ATOMIC_ACQUIRE);
    if (state == kDone) return 0;
    if (state == kNew) {
      if (!__atomic_compare_exchange_n(control, &state, kRunning, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        continue;
      }
      End end{control};
      run();
      end.state = kDone;
      return 0;
    }
    if (state == kRunning &&
        !__atomic_compare_exchange_n(control, &state, kAwaited, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
      continue;
    }
    syscall(SYS_futex, control, FUTEX_WAIT_PRIVATE, kAwaited, nullptr, nullptr,
            0);
  }
}
