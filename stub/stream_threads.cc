#include "stub/stream_threads.h"

#include <pthread.h>

#include <utility>

namespace ramet::stub {

bool StreamThreads::Run(std::function<void()> work) {
  std::lock_guard<std::mutex> lock(mutex_);
  work_.push_back(std::move(work));
  if (idle_ > 0) {
    --idle_;
    ready_.notify_one();
    return true;
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const bool started =
      pthread_create(&thread, &attributes, &ThreadMain, this) == 0;
  pthread_attr_destroy(&attributes);
  // Under the lock all along: nobody has taken it.
  if (!started) work_.pop_back();
  return started;
}

void* StreamThreads::ThreadMain(void* self) {
  static_cast<StreamThreads*>(self)->Work();
  return nullptr;
}

void StreamThreads::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    ready_.wait(lock, [this] { return !work_.empty(); });
    std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
    if (work_.empty() && idle_ >= kMaxIdle) return;
    ++idle_;
  }
}

}  // namespace ramet::stub
