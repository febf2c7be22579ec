// pthread_once for std::call_once, whose function may throw: then the next call
// tries again, as when the thread was cancelled or there has been a fork.
// musl's own is C without unwind tables, in which an exception ends the
// program. The linker sends calls of pthread_once here.

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace {

// Of a pthread_once_t, in its lowest bits. 0 is PTHREAD_ONCE_INIT.
enum State : int { kNew = 0, kRunning = 1, kDone = 2, kAwaited = 3 };
constexpr int kStates = 4;

// With kRunning and kAwaited, in the bits above: how many forks this process is
// from the first. A function that another process was running is run again.
int generation = 0;

__attribute__((constructor(103))) void CountForks() {
  pthread_atfork(nullptr, nullptr, [] {
    generation = static_cast<int>(static_cast<unsigned>(generation) + kStates);
  });
}

void Wake(int* control) {
  syscall(SYS_futex, control, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void SetState(int* control, State state) {
  const int before = __atomic_exchange_n(control, state, __ATOMIC_ACQ_REL);
  if ((before & (kStates - 1)) == kAwaited) Wake(control);
}

void Reset(void* control) { SetState(static_cast<int*>(control), kNew); }

// Says how it ended, even by an exception or the thread's end.
class Run {
 public:
  explicit Run(int* control) : control_(control) {
    _pthread_cleanup_push(&cleanup_, Reset, control);
  }
  ~Run() {
    _pthread_cleanup_pop(&cleanup_, 0);
    SetState(control_, state_);
  }
  void Done() { state_ = kDone; }

 private:
  int* const control_;
  State state_ = kNew;
  __ptcb cleanup_;
};

}  // namespace

extern "C" int __wrap_pthread_once(pthread_once_t* control, void (*run)()) {
  static_assert(sizeof(*control) == sizeof(int));
  while (true) {
    const int running = generation | kRunning;
    const int awaited = generation | kAwaited;
    int state = __atomic_load_n(control, __ATOMIC_ACQUIRE);
    if (state == kDone) return 0;
    if (state != running && state != awaited) {
      if (!__atomic_compare_exchange_n(control, &state, running, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        continue;
      }
      Run once(control);
      run();
      once.Done();
      return 0;
    }
    if (state == running &&
        !__atomic_compare_exchange_n(control, &state, awaited, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
      continue;
    }
    syscall(SYS_futex, control, FUTEX_WAIT_PRIVATE, awaited, nullptr, nullptr,
            0);
  }
}
