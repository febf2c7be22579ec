#ifndef STUB_MODULE_RUNTIME_H_
#define STUB_MODULE_RUNTIME_H_

#include <stddef.h>
#include <stdint.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/base/unique_fd.h"
#include "core/wire/frame_header.h"
#include "stub/call_port.h"
#include "stub/call_scheduler.h"
#include "stub/call_table.h"
#include "stub/deadline_queue.h"
#include "stub/frame_reader.h"
#include "stub/frame_writer.h"
#include "stub/method_table.h"
#include "stub/module_caller.h"
#include "stub/served_call.h"
#include "stub/server_interceptor.h"
#include "stub/service_options.h"
#include "stub/stream_threads.h"

namespace ramet::stub {

struct ModuleOptions {
  // Unary methods that run at the same time. Threads are started when they are
  // needed, and one more than this, which reads the link while all are busy.
  int max_threads = 4;
  // Streaming methods that run at the same time, each on a thread of its own:
  // more are RESOURCE_EXHAUSTED. Callers that are not above the module's
  // context may have a quarter of them.
  int max_streams = 256;
  // Of a message, in both directions; longer ones are RESOURCE_EXHAUSTED. 0:
  // what the hello says, which is 4 MiB.
  size_t max_message_bytes = 0;
  // Limits of services, by their names ("demo.v1.Greeter"), in place of those
  // in their .proto.
  std::map<std::string, ServiceOptions> services;
  // Around the methods of all services; RunModule() installs them.
  ServerInterceptors interceptors;
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
// other thread wakes for the rest. Calls whose turn comes when another has
// returned, because of a chain or of a service's limits, wake a thread by a
// second eventfd, which brings no role. Methods that stream run on other
// threads (StreamThreads). README.md tells it step by step.
//
// Calls that methods make are fed by whoever reads, too (ModuleCaller): a
// method that blocks for an answer waits for another thread, and there is
// always one more than may serve. Their listeners run on a thread that must not
// block.
//
// Whoever has the reader's role never waits for a peer that does not read:
// what can't be written is queued, and written when the link takes more.
//
// Limits. CallTable::kMaxOpenCalls, CallPort::kMax...Bytes and the options';
// a call above one is RESOURCE_EXHAUSTED. With more than kMaxQueuedBytes that
// the peer does not take, the link is not read until it has taken some.
//
// Errors. Frames that are not in order end the process with status 1 and a
// line on standard error; the end of the link ends it with status 0 at once,
// whatever its methods are doing. A kShutdown frame ends it when the calls that
// it has are answered; the agent's patience with that has an end.
class ModuleRuntime final : private CallPort, private CallScheduler::Host {
 public:
  static constexpr size_t kMaxQueuedBytes = 32 * 1024 * 1024;

  // `link_fd` is a connected stream socket; the caller gives it away. The
  // methods' services live for as long as the process.
  ModuleRuntime(core::UniqueFd link_fd, const MethodTable* methods,
                const ModuleOptions& options);

  // The calling thread becomes one of those that serve.
  [[noreturn]] void Run();

 private:
  using CallPtr = std::shared_ptr<ServedCall>;
  using Lock = std::unique_lock<std::mutex>;

  // The handshake, before there are other threads: blocks for the parent's
  // Hello and answers it.
  void Greet();
  void StartEpoll();
  void Arm(int fd, uint32_t events);
  // Only while it is needed: each event on the link would be for it as well.
  void WatchWritable();

  static void* ThreadMain(void* runtime);
  [[noreturn]] void Work();
  void StartThread();

  // With the reader's role, under the lock.
  void ReadFrames();
  void OnFrame(const core::FrameHeader& header, std::string_view payload);
  void OnCallFrame(const core::FrameHeader& header, std::string_view payload);
  // Under the lock, which is given up while methods are told of their calls'
  // end.
  void TellCancelled(Lock* lock);
  // The same for the listeners of the module's own calls.
  void TellAnswered(Lock* lock);
  // Under the lock, on a thread that must not block.
  void AbortCall(const CallPtr& call, const absl::Status& status);
  void OnAborted(const CallPtr& call);
  void ForceFrames(const CallPtr& call);
  void Forget(const ServedCall& call);
  void OnTimer();
  void ExitIfDrained();

  // Serves waiting calls for as long as there are some, and passes the role
  // on before the first, if this thread has it.
  void ServeWaiting(Lock* lock, bool has_role);
  // Gives the role to whichever thread wakes next. Gives up the lock before
  // that thread can want it.
  void PassRole(Lock* lock);

  // Without the lock.
  void ServeUnary(ServedCall* call);
  // Before its answer is out: whoever has that may call again.
  void LeavePlace(const ServedCall& call);
  void ServeStream(const CallPtr& call);

  // CallScheduler::Host, under the lock.
  void Refuse(const CallPtr& call, const absl::Status& status) override;
  bool StartStream(const CallPtr& call) override;

  // CallPort, for methods.
  void SendFrames(ServedCall* call) override;
  CallOrigin* origin() override { return &caller_; }

  const core::UniqueFd link_fd_;
  const MethodTable* const methods_;
  const ModuleOptions options_;
  core::UniqueFd epoll_fd_;
  core::UniqueFd more_fd_;      // an eventfd that is always readable
  core::UniqueFd ready_fd_;     // the same, for a thread without the role
  core::UniqueFd writable_fd_;  // the link again, to learn when it takes more

  core::ContextId own_id_ = 0;
  FrameReader reader_;
  FrameWriter writer_;
  ModuleCaller caller_;
  StreamThreads stream_threads_;

  std::mutex mutex_;  // for everything below, and for reader_
  std::unique_ptr<CallTable> calls_;
  CallScheduler scheduler_;
  DeadlineQueue deadlines_;
  std::vector<CallPtr> cancelled_;  // whose methods don't know it yet
  bool answered_ = false;           // whose listeners caller_ has to tell
  int threads_ = 1;
  bool draining_ = false;  // to end when the calls at hand are answered
  bool paused_ = false;    // the peer takes too little: the link is not read
};

}  // namespace ramet::stub

#endif  // STUB_MODULE_RUNTIME_H_
