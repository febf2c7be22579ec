#ifndef SERVER_LOOP_THREAD_H_
#define SERVER_LOOP_THREAD_H_

#include <functional>
#include <thread>

#include "core/loop/event_loop.h"

namespace ramet::server {

// An event loop with a thread that runs it from construction to destruction.
class LoopThread {
 public:
  LoopThread();
  // Ends the loop after what was posted before, and joins. Not on the loop's
  // thread.
  ~LoopThread();

  core::EventLoop* loop() { return &loop_; }

  // Runs `task` on the loop and waits for it. Not on the loop's thread.
  void RunAndWait(std::function<void()> task);

 private:
  core::EventLoop loop_;
  std::thread thread_;
};

}  // namespace ramet::server

#endif  // SERVER_LOOP_THREAD_H_
