#ifndef STUB_STREAM_THREADS_H_
#define STUB_STREAM_THREADS_H_

#include <stddef.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace ramet::stub {

// Threads for methods that stream: they block for as long as their callers
// please, so each has a thread for itself. A few that are through wait for the
// next method, because a new one costs more than a small call.
//
// Lives as long as the process. Threads: any.
class StreamThreads {
 public:
  static constexpr size_t kMaxIdle = 8;

  // Runs `work` on a thread at once. False: the system has no thread for it.
  bool Run(std::function<void()> work);

 private:
  static void* ThreadMain(void* self);
  void Work();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> work_;  // that a thread is there for
  size_t idle_ = 0;                         // beyond those for work_
};

}  // namespace ramet::stub

#endif  // STUB_STREAM_THREADS_H_
