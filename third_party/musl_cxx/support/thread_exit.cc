// Destructors of thread_local objects: glibc's __cxa_thread_atexit_impl, which
// libstdc++ is compiled to call. They run when their thread ends, and those of
// the thread that ends the program before all static objects' (the linker sends
// calls of exit here).

#include <pthread.h>
#include <stdlib.h>

namespace {

struct Destructor {
  void (*run)(void*);
  void* object;
  Destructor* next;
};

// The thread's, the youngest first.
__thread Destructor* destructors;

void RunDestructors(void*) {
  // A destructor may make thread_local objects of its own.
  while (destructors != nullptr) {
    Destructor* const first = destructors;
    destructors = first->next;
    first->run(first->object);
    free(first);
  }
}

pthread_once_t key_once = PTHREAD_ONCE_INIT;
pthread_key_t key;

void MakeKey() {
  if (pthread_key_create(&key, RunDestructors) != 0) abort();
}

}  // namespace

extern "C" {

int __cxa_thread_atexit_impl(void (*run)(void*), void* object, void*) {
  pthread_once(&key_once, MakeKey);
  // libstdc++ ignores an error, and the standard knows none.
  auto* const added = static_cast<Destructor*>(malloc(sizeof(Destructor)));
  if (added == nullptr) abort();
  *added = {run, object, destructors};
  destructors = added;
  // Any value that is not null makes the thread's end call RunDestructors.
  if (pthread_setspecific(key, &key) != 0) abort();
  return 0;
}

[[noreturn]] void __real_exit(int status);

[[noreturn]] void __wrap_exit(int status) {
  RunDestructors(nullptr);
  __real_exit(status);
}

}  // extern "C"
