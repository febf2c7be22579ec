#include "server/loop_thread.h"

#include <signal.h>

#include <utility>

#include "absl/synchronization/notification.h"

namespace ramet::server {

LoopThread::LoopThread()
    : thread_([this] {
        // Signals are for the program's own threads.
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        loop_.Run();
      }) {}

LoopThread::~LoopThread() {
  loop_.Stop();
  thread_.join();
}

void LoopThread::RunAndWait(std::function<void()> task) {
  absl::Notification done;
  loop_.Post([&] {
    task();
    done.Notify();
  });
  done.WaitForNotification();
}

}  // namespace ramet::server
