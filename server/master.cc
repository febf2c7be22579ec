#include "server/master.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "core/base/strings.h"
#include "core/context/context.h"
#include "parent/child_starter.h"
#include "parent/hop.h"
#include "server/context_directory.h"
#include "server/embedded_agent.h"
#include "server/loop_thread.h"
#include "server/module_delivery.h"
#include "server/outgoing_call.h"
#include "server/ssh/ssh_transport.h"
#include "stub/status_bridge.h"
#include "transports/local.h"

namespace ramet::server {
namespace {

// Ids that a master can give away in its life; the last one is kUnknownId.
constexpr uint32_t kAllIds = core::kUnknownId - 1;

// A connect that hits its limit knows in which phase; a call that waits for it
// leaves it this much time to say so.
constexpr absl::Duration kConnectTextGrace = absl::Milliseconds(50);

DirectoryOptions ToDirectoryOptions(const ConnectOptions& options,
                                    absl::Duration limit) {
  DirectoryOptions result;
  result.ssh = options.ssh;
  result.stats = options.stats.get();
  const int64_t ms =
      absl::ToInt64Milliseconds(std::min(options.timeout, limit));
  result.timeout_ms = static_cast<uint32_t>(
      std::min<int64_t>(std::max<int64_t>(ms, 1), 0x7FFFFFFF));
  return result;
}

CallReply Failed(absl::Status status) {
  CallReply reply;
  reply.status = std::move(status);
  return reply;
}

// Where calls go and how to connect it: parsed once, shared by every call.
struct CallTarget {
  std::vector<parent::Hop> hops;
  std::string name;
  ConnectOptions connect;
};
using TargetPtr = std::shared_ptr<const CallTarget>;

absl::StatusOr<TargetPtr> MakeTarget(const std::string& text,
                                     const ConnectOptions& connect) {
  auto target = std::make_shared<CallTarget>();
  const core::Status parsed = parent::ParseTarget(text, &target->hops);
  if (!parsed.ok()) return stub::ToAbslStatus(parsed);
  target->name = ContextDirectory::Name(target->hops, target->hops.size());
  target->connect = connect;
  return TargetPtr(std::move(target));
}

}  // namespace

// Everything that lives on the loop, in the order in which it is built.
class Master::Impl : public std::enable_shared_from_this<Master::Impl> {
 public:
  Impl(MasterOptions options, std::unique_ptr<EmbeddedAgent> agent)
      : options_(std::move(options)), agent_(std::move(agent)) {}

  void Start();
  // Ends every context and call. Once, not on the loop.
  void Shutdown();

  ModuleRepository& modules() { return modules_; }
  LoopThread& thread() { return thread_; }

  // False once the master has been shut down.
  bool Post(std::function<void()> task) {
    absl::ReaderMutexLock lock(&running_mutex_);
    if (!running_) return false;
    thread_.loop()->Post(std::move(task));
    return true;
  }

  // The rest is the loop's.
  struct OnLoop {
    OnLoop(core::EventLoop* loop, const EmbeddedAgent* agent)
        : context(loop),
          children(&context, agent, &transports::StartLocalAgent, &ssh),
          directory(&context, &children),
          delivery(&context) {
      context.ids().Add(1, kAllIds);
    }

    // Streams write their figures for as long as they live.
    void Keep(const std::shared_ptr<parent::ConnectStats>& figures) {
      if (figures == nullptr) return;
      if (stats.empty() || stats.back() != figures) stats.push_back(figures);
    }

    std::vector<std::shared_ptr<parent::ConnectStats>> stats;
    SshTransport ssh;
    core::Context context;
    parent::ChildStarter children;
    ContextDirectory directory;
    ModuleDelivery delivery;
    std::map<OutgoingCall*, std::weak_ptr<OutgoingCall>> calls;
  };
  OnLoop* on_loop() { return on_loop_.get(); }

  struct PendingCall {
    std::weak_ptr<OutgoingCall> call;  // the loop's
    bool cancelled = false;            // the loop's
  };
  // Any thread. `pending` gets the call once it runs on the loop.
  void StartCall(TargetPtr target, std::string method, std::string request,
                 const stub::CallOptions& options, CallDone done,
                 std::shared_ptr<PendingCall> pending);

 private:
  void StartCallOnLoop(const CallTarget& target, std::string method,
                       std::string request, stub::CallOptions options,
                       CallDone done,
                       const std::shared_ptr<PendingCall>& pending);
  // Starts a call in a context that frames can be sent to.
  void Send(OutgoingCall* call, const importer::Bundle& bundle,
            ContextDirectory::Entry* entry);
  void OnForwardLog(const core::FrameHeader& header, std::string_view payload);

  const MasterOptions options_;
  const std::unique_ptr<EmbeddedAgent> agent_;
  ModuleRepository modules_;
  absl::Mutex running_mutex_;
  bool running_ ABSL_GUARDED_BY(running_mutex_) = true;
  LoopThread thread_;
  std::unique_ptr<OnLoop> on_loop_;
};

void Master::Impl::Start() {
  thread_.RunAndWait([this] {
    on_loop_ = std::make_unique<OnLoop>(thread_.loop(), agent_.get());
    on_loop_->context.heartbeat().Start(options_.heartbeat);
    on_loop_->context.router().set_unidirectional(options_.unidirectional);
    on_loop_->context.set_log_level(options_.log ? options_.log_level
                                                 : core::LogLevel::kNone);
    on_loop_->context.SetHandler(
        core::kForwardLog, core::Context::Access::kAnyone,
        [this](core::Link*, const core::FrameHeader& header,
               std::string_view payload) { OnForwardLog(header, payload); });
  });
}

void Master::Impl::Shutdown() {
  {
    absl::WriterMutexLock lock(&running_mutex_);
    running_ = false;
  }
  thread_.RunAndWait([this] {
    const core::Status over(core::Code::kCancelled, "the master is shut down");
    while (!on_loop_->calls.empty()) {
      const auto call = on_loop_->calls.begin()->second.lock();
      on_loop_->calls.erase(on_loop_->calls.begin());
      if (call != nullptr) call->Cancel(over);
    }
    on_loop_->context.handles().FailAll(over);
    on_loop_.reset();
  });
}

void Master::Impl::OnForwardLog(const core::FrameHeader& header,
                                std::string_view payload) {
  core::ForwardLog log;
  if (!options_.log || !core::ParseControl(payload, &log)) return;
  LogLine line;
  line.context = on_loop_->directory.NameOf(header.src_id);
  // Contexts keep the same budget; one that does not is a hostile one.
  core::LineBudget& budget = on_loop_->directory.LogBudgetOf(header.src_id);
  if (!budget.Take(thread_.loop()->NowUs())) return;
  if (const uint32_t dropped = budget.TakeDropped()) {
    line.level = static_cast<uint32_t>(core::LogLevel::kWarning);
    line.source = "log";
    line.text = std::to_string(dropped) + " lines dropped";
    options_.log(line);
  }
  line.level = log.level;
  line.source = std::move(log.source);
  line.text = std::move(log.text);
  options_.log(line);
}

void Master::Impl::StartCall(TargetPtr target, std::string method,
                             std::string request,
                             const stub::CallOptions& options, CallDone done,
                             std::shared_ptr<PendingCall> pending) {
  struct Arguments {
    TargetPtr target;
    std::string method;
    std::string request;
    stub::CallOptions options;
    CallDone done;
    std::shared_ptr<PendingCall> pending;
  };
  // One allocation for all that the task needs; std::function would copy.
  auto call = std::make_shared<Arguments>(
      Arguments{std::move(target), std::move(method), std::move(request),
                options, std::move(done), std::move(pending)});
  if (call->options.timeout != absl::InfiniteDuration()) {
    call->options.deadline =
        std::min(call->options.deadline, absl::Now() + call->options.timeout);
    call->options.timeout = absl::InfiniteDuration();
  }
  const bool posted = Post([this, call] {
    StartCallOnLoop(*call->target, std::move(call->method),
                    std::move(call->request), std::move(call->options),
                    std::move(call->done), call->pending);
  });
  if (!posted) call->done(Failed(absl::CancelledError("the master is gone")));
}

void Master::Impl::StartCallOnLoop(
    const CallTarget& target, std::string method, std::string request,
    stub::CallOptions options, CallDone done,
    const std::shared_ptr<PendingCall>& pending) {
  const absl::StatusOr<ModuleRepository::BundlePtr> bundle =
      modules_.FindMethod(method);
  if (!bundle.ok()) return done(Failed(bundle.status()));
  absl::Duration remaining = absl::InfiniteDuration();
  if (options.deadline != absl::InfiniteFuture()) {
    remaining = options.deadline - absl::Now();
  }
  if (remaining <= absl::ZeroDuration()) {
    return done(Failed(absl::DeadlineExceededError(
        method + ": the deadline had passed before the call")));
  }
  if (pending->cancelled) {
    return done(Failed(absl::CancelledError(method + ": cancelled")));
  }
  core::CallHeaders headers;
  headers.method = std::move(method);
  if (remaining < absl::InfiniteDuration()) {
    headers.timeout_us = absl::ToInt64Microseconds(remaining);
  }
  for (auto& [key, value] : options.metadata) {
    headers.metadata.push_back({std::move(key), std::move(value)});
  }

  OnLoop* const state = on_loop_.get();
  const auto call = OutgoingCall::Create(
      &state->context, std::move(headers), std::move(request),
      [state, pending, done = std::move(done)](CallResult result) {
        const auto call = pending->call.lock();
        state->calls.erase(call.get());
        CallReply reply;
        reply.status = stub::ToAbslStatus(result.status);
        reply.message = std::move(result.message);
        reply.details = std::move(result.details);
        reply.trailing_metadata = std::move(result.trailing_metadata);
        done(std::move(reply));
      });
  pending->call = call;
  state->calls.emplace(call.get(), call);
  ContextDirectory::Entry* const linked =
      state->directory.FindLinked(target.name);
  if (remaining < absl::InfiniteDuration()) {
    const bool ready = linked != nullptr && linked->ready;
    call->CancelAfter(
        absl::ToInt64Microseconds(
            remaining + (ready ? absl::ZeroDuration() : kConnectTextGrace)),
        core::Error(core::Code::kDeadlineExceeded,
                    {"call failed: ", call->method(), " in ", target.name,
                     " (phase call): not done within ",
                     absl::ToInt64Milliseconds(remaining), " ms"}));
  }
  if (linked != nullptr) return Send(call.get(), **bundle, linked);
  state->Keep(target.connect.stats);
  const std::weak_ptr<OutgoingCall> weak = call;
  state->directory.WhenLinked(
      target.hops, ToDirectoryOptions(target.connect, remaining),
      [this, weak, bundle = *bundle](const core::Status& status,
                                     ContextDirectory::Entry* entry) {
        const auto waiting = weak.lock();
        if (waiting == nullptr) return;
        if (!status.ok()) return waiting->Cancel(status);
        Send(waiting.get(), *bundle, entry);
      });
}

void Master::Impl::Send(OutgoingCall* call, const importer::Bundle& bundle,
                        ContextDirectory::Entry* entry) {
  const absl::Status sent = on_loop_->delivery.Ensure(bundle, entry);
  if (!sent.ok()) return call->Cancel(stub::ToCoreStatus(sent));
  call->Start(entry->id);
}

// Calls of stubs to one context; works by name, so that a context that was
// lost is connected again.
class Master::ContextChannel final : public stub::Channel {
 public:
  ContextChannel(std::shared_ptr<Impl> impl, TargetPtr target)
      : impl_(std::move(impl)), target_(std::move(target)) {}

  void StartUnary(std::string method, std::string request,
                  const stub::CallOptions& options,
                  DoneCallback done) override {
    impl_->StartCall(
        target_, std::move(method), std::move(request), options,
        [done = std::move(done)](CallReply reply) {
          if (!reply.status.ok()) {
            done(std::move(reply.status));
          } else {
            done(std::move(reply.message));
          }
        },
        std::make_shared<Impl::PendingCall>());
  }

 private:
  const std::shared_ptr<Impl> impl_;
  const TargetPtr target_;
};

Master::Master(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Master::~Master() { impl_->Shutdown(); }

absl::StatusOr<std::unique_ptr<Master>> Master::Create(MasterOptions options) {
  absl::StatusOr<std::unique_ptr<EmbeddedAgent>> agent =
      EmbeddedAgent::Create();
  if (!agent.ok()) return agent.status();
  auto impl = std::make_shared<Impl>(std::move(options), *std::move(agent));
  impl->Start();
  return std::unique_ptr<Master>(new Master(std::move(impl)));
}

absl::Status Master::LoadModuleFile(const std::string& path) {
  return impl_->modules().LoadFile(path);
}

const ModuleRepository& Master::modules() const { return impl_->modules(); }

absl::StatusOr<stub::Context> Master::Open(const std::string& target,
                                           const ConnectOptions& options) {
  absl::StatusOr<TargetPtr> made = MakeTarget(target, options);
  if (!made.ok()) return made.status();
  const std::string name = (*made)->name;
  return stub::Context(
      std::make_shared<ContextChannel>(impl_, *std::move(made)), name);
}

absl::StatusOr<stub::Context> Master::Connect(const std::string& target,
                                              const ConnectOptions& options) {
  const absl::StatusOr<TargetPtr> made = MakeTarget(target, options);
  if (!made.ok()) return made.status();
  absl::Notification done;
  core::Status status;
  impl_->thread().loop()->Post([&] {
    impl_->on_loop()->Keep(options.stats);
    impl_->on_loop()->directory.WhenReady(
        (*made)->hops, ToDirectoryOptions(options, absl::InfiniteDuration()),
        [&](const core::Status& result, ContextDirectory::Entry*) {
          status = result;
          done.Notify();
        });
  });
  done.WaitForNotification();
  if (!status.ok()) return stub::ToAbslStatus(status);
  return stub::Context(std::make_shared<ContextChannel>(impl_, *made),
                       (*made)->name);
}

std::vector<ContextInfo> Master::List() {
  std::vector<ContextInfo> result;
  impl_->thread().RunAndWait([&] {
    for (const ContextDirectory::Entry* entry :
         impl_->on_loop()->directory.List()) {
      result.push_back(
          {entry->name, entry->parent, entry->id, entry->ready, entry->hello});
    }
  });
  return result;
}

absl::StatusOr<std::vector<core::LinkInfo>> Master::Links(
    const std::string& name) {
  absl::Notification done;
  absl::StatusOr<std::vector<core::LinkInfo>> links;
  impl_->thread().loop()->Post([&] {
    impl_->on_loop()->directory.ReportLinks(
        name, [&](const core::Status& status, const core::LinksReply& reply) {
          if (status.ok()) {
            links = reply.links;
          } else {
            links = stub::ToAbslStatus(status);
          }
          done.Notify();
        });
  });
  done.WaitForNotification();
  return links;
}

absl::Status Master::Disconnect(const std::string& name) {
  absl::Notification done;
  core::Status status;
  impl_->thread().loop()->Post([&] {
    impl_->on_loop()->directory.Disconnect(name, ContextDirectory::kGraceMs,
                                           [&](const core::Status& result) {
                                             status = result;
                                             done.Notify();
                                           });
  });
  done.WaitForNotification();
  return stub::ToAbslStatus(status);
}

void Master::DisconnectAll(absl::Duration grace) {
  std::vector<std::string> names;
  for (const ContextInfo& info : List()) {
    if (info.parent.empty()) names.push_back(info.name);
  }
  if (names.empty()) return;
  const auto grace_ms = static_cast<uint32_t>(
      std::max<int64_t>(absl::ToInt64Milliseconds(grace), 0));
  absl::BlockingCounter left(static_cast<int>(names.size()));
  impl_->thread().loop()->Post([&] {
    for (const std::string& name : names) {
      impl_->on_loop()->directory.Disconnect(
          name, grace_ms,
          [&left](const core::Status&) { left.DecrementCount(); });
    }
  });
  left.Wait();
}

Master::CancelFunction Master::StartCall(const std::string& target,
                                         const ConnectOptions& connect,
                                         std::string method,
                                         std::string request,
                                         const stub::CallOptions& options,
                                         CallDone done) {
  absl::StatusOr<TargetPtr> made = MakeTarget(target, connect);
  if (!made.ok()) {
    done(Failed(made.status()));
    return [] {};
  }
  auto pending = std::make_shared<Impl::PendingCall>();
  impl_->StartCall(*std::move(made), std::move(method), std::move(request),
                   options, std::move(done), pending);
  return [impl = impl_, pending] {
    impl->Post([pending] {
      pending->cancelled = true;
      const auto call = pending->call.lock();
      if (call != nullptr) {
        call->Cancel(core::Status(core::Code::kCancelled, "cancelled"));
      }
    });
  };
}

}  // namespace ramet::server
