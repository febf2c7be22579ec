#ifndef STUB_MODULE_RUNTIME_H_
#define STUB_MODULE_RUNTIME_H_

#include <stddef.h>
#include <stdint.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/base/unique_fd.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"
#include "stub/call_table.h"
#include "stub/frame_reader.h"
#include "stub/frame_writer.h"
#include "stub/method_table.h"
#include "stub/reply_sender.h"

namespace ramet::stub {

struct ModuleOptions {
  // Methods that run at the same time. Threads are started when they are
  // needed, and one more than this, which reads the link while all are busy.
  int max_threads = 4;
};

// Serves calls that arrive on a module's link until the link ends.
//
// Threads. There is no reader that hands calls over. All threads wait in
// epoll_wait for the link, which is armed for one wake-up (EPOLLONESHOT); the
// one that wakes has the reader's role: it reads, takes a call, passes the
// role on by arming the link again, and then serves that call itself and
// writes the answer. So a call on an idle link costs epoll_wait, read,
// epoll_ctl and write, and no wake-up of a second thread. When it took more
// than one call, it arms an eventfd that is always readable instead, and one
// other thread wakes for the rest. README.md tells it step by step.
//
// Limits. Beyond kMaxWaitingCalls whole calls that no thread has time for, the
// link is not read until some are answered; the peer's own limits then hold.
//
// Errors. Frames that are not in order end the process with status 1 and a
// line on standard error; the end of the link ends it with status 0 at once,
// whatever its methods are doing. A kShutdown frame ends it when the calls that
// it has are answered; the agent's patience with that has an end.
class ModuleRuntime {
 public:
  static constexpr size_t kMaxWaitingCalls = 4096;

  // `link_fd` is a connected stream socket; the caller gives it away. The
  // methods' services live for as long as the process.
  ModuleRuntime(core::UniqueFd link_fd, const MethodTable* methods,
                const ModuleOptions& options);

  // The calling thread becomes one of those that serve.
  [[noreturn]] void Run();

 private:
  // The handshake, before there are other threads: blocks for the parent's
  // Hello and answers it.
  void Greet();
  void OnHello(const core::FrameHeader& header, std::string_view payload);
  void StartEpoll();

  static void* ThreadMain(void* runtime);
  [[noreturn]] void Work();

  // With the reader's role, under the lock.
  void ReadFrames();
  void OnFrame(const core::FrameHeader& header, std::string_view payload);
  void StartThread();
  // Serves waiting calls for as long as there are some, and passes the role
  // on before the first.
  void ServeWaiting(std::unique_lock<std::mutex>* lock);
  // Gives the role to whichever thread wakes next. Gives up the lock before
  // that thread can want it.
  void PassRole(std::unique_lock<std::mutex>* lock);
  void Arm(int fd, uint32_t events);

  // Without the lock.
  void ServeOne(ServedCall* call, std::unique_lock<std::mutex>* lock);
  absl::Status Serve(const ServedCall& call, std::string* reply);

  const core::UniqueFd link_fd_;
  const MethodTable* const methods_;
  const int max_threads_;
  core::UniqueFd epoll_fd_;
  core::UniqueFd more_fd_;  // an eventfd that is always readable

  core::ContextId own_id_ = 0;
  FrameReader reader_;
  FrameWriter writer_;
  std::unique_ptr<ReplySender> replies_;

  std::mutex mutex_;  // for everything below, and for reader_
  std::unique_ptr<CallTable> calls_;
  std::deque<ServedCall*> waiting_;
  int threads_ = 1;
  int running_ = 0;        // threads that serve a call
  bool draining_ = false;  // to end when the calls at hand are answered
  bool paused_ = false;    // too many calls wait: the link is not read
};

}  // namespace ramet::stub

#endif  // STUB_MODULE_RUNTIME_H_
