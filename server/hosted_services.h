#ifndef SERVER_HOSTED_SERVICES_H_
#define SERVER_HOSTED_SERVICES_H_

#include <stddef.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/base/status.h"
#include "core/context/context.h"
#include "core/wire/frame_header.h"
#include "stub/call_admission.h"
#include "stub/method_table.h"
#include "stub/served_call.h"
#include "stub/service.h"
#include "stub/service_options.h"

namespace ramet::server {

// Serves calls to the master, of contexts and of its own program: finds the
// method, holds its policy against the call's authority, and runs it on a
// thread of its own.
//
// Trust: nothing in the tree is above the master, so PARENTS and SELF are for
//   nobody but itself, which has asked its front door's clients who they are;
//   what a context calls must be for ANY. What a child's
//   subtree has open, and makes the master keep, is counted for that subtree
//   (stub::CallPort::kMaxForeignBytes of each kind), and calls for each context
//   as well: nobody keeps out those of another child. Those that wait for the
//   limits of a service are in one line.
// Threads: the loop's, but for Wait() and the destructor, which are for another
//   one. Methods run on threads of their own.
// Ownership: owns the services. Borrows the context, from the first Add() to
//   Stop().
class HostedServices {
 public:
  // Calls of which something is left: a method that has not returned, or an
  // answer. More are RESOURCE_EXHAUSTED.
  static constexpr size_t kMaxCallsOfContext = 64;
  static constexpr size_t kMaxCallsOfSubtree = 256;
  // Of the master's own program, and of the clients of its front door; each may
  // take a thread.
  static constexpr size_t kMaxOwnCalls = 1024;

  // Runs a task on the loop, in the order of the calls; false: it never will.
  using Post = std::function<bool(std::function<void()> task)>;

  explicit HostedServices(Post post);
  // Wait() must have returned.
  ~HostedServices();

  // ALREADY_EXISTS: there is one of that name; else as MethodTable::Add().
  absl::Status Add(core::Context* context,
                   std::unique_ptr<stub::Service> service,
                   const stub::ServiceOptions& options = {});

  // Refuses calls from now on, and cancels those that there are.
  void Stop();
  // Blocks until every method has returned.
  void Wait();

 private:
  class Subtree;
  using CallPtr = std::shared_ptr<stub::ServedCall>;
  // A call, and what must outlive it.
  struct Work {
    std::shared_ptr<Subtree> subtree;
    CallPtr call;
  };
  struct Active {
    Work work;
    bool running = false;  // its method
    core::EventLoop::TimerId timer = 0;
  };

  // Of the master's own, if `from` is null.
  void OnCallFrame(core::Link* from, const core::FrameHeader& header,
                   std::string_view payload);
  core::Status Admit(const Subtree& subtree, const core::FrameHeader& header,
                     std::string_view headers) const;
  void Handle(const Work& work, const stub::ServedCall::Fed& fed);
  // What it needs to begin is there: it begins, unless it has to wait.
  void StartMethod(const Work& work);
  void RunMethod(const Work& work);
  void RunAdmitted(const std::vector<CallPtr>& calls);
  // It has its answer, maybe before its method has begun.
  void OnAborted(const Work& work);
  void Serve(const Work& work);  // on a thread of its own
  void Abort(const Work& work, const absl::Status& status);
  void AbortAllOf(core::ContextId id);
  void SendFrames(std::string_view frames);
  void ForgetIfDone(const CallPtr& call);

  const Post post_;
  core::Context* context_ = nullptr;
  std::vector<std::unique_ptr<stub::Service>> services_;
  stub::MethodTable methods_;
  // All callers are below the master; none is before the others.
  stub::CallAdmission admission_{/*foreign_part=*/1};
  bool stopped_ = false;
  std::map<core::Link*, std::shared_ptr<Subtree>> subtrees_;
  std::map<const stub::ServedCall*, Active> active_;
  std::map<core::ContextId, size_t> calls_of_context_;

  std::mutex mutex_;
  std::condition_variable returned_;
  size_t methods_running_ = 0;
};

}  // namespace ramet::server

#endif  // SERVER_HOSTED_SERVICES_H_
