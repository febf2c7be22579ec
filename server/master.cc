#include "server/master.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "core/base/strings.h"
#include "core/context/context.h"
#include "parent/child_starter.h"
#include "parent/hop.h"
#include "server/call_dispatcher.h"
#include "server/context_directory.h"
#include "server/embedded_agent.h"
#include "server/hosted_services.h"
#include "server/loop_thread.h"
#include "server/posted_call.h"
#include "server/ssh/ssh_transport.h"
#include "server/tree_watch.h"
#include "server/unary_listener.h"
#include "stub/status_bridge.h"
#include "transports/local.h"

namespace ramet::server {
namespace {

// Ids that a master can give away in its life; the last one is kUnknownId.
constexpr uint32_t kAllIds = core::kUnknownId - 1;

// Takes the earlier of both limits as a deadline, because time passes before
// the loop sees it.
stub::CallOptions WithDeadline(stub::CallOptions options) {
  if (options.timeout != absl::InfiniteDuration()) {
    options.deadline =
        std::min(options.deadline, absl::Now() + options.timeout);
    options.timeout = absl::InfiniteDuration();
  }
  return options;
}

// Nobody waits longer for calls to end, and it fits its field.
constexpr absl::Duration kMaxGrace = absl::Hours(24);

uint32_t ToGraceMs(absl::Duration grace) {
  return static_cast<uint32_t>(std::max<int64_t>(
      absl::ToInt64Milliseconds(std::min(grace, kMaxGrace)), 0));
}

}  // namespace

// Everything that lives on the loop, in the order in which it is built.
class Master::Impl : public std::enable_shared_from_this<Master::Impl> {
 public:
  Impl(MasterOptions options, std::unique_ptr<EmbeddedAgent> agent)
      : options_(std::move(options)),
        agent_(std::move(agent)),
        modules_(options_.bundle_checks),
        hosted_([this](std::function<void()> task) {
          return Post(std::move(task));
        }) {}

  void Start();
  // Ends every context and call. Once, not on the loop.
  void Shutdown();

  ModuleRepository& modules() { return modules_; }
  const HostedDirectory& hosted() const { return hosted_directory_; }
  absl::Status AddService(std::unique_ptr<stub::Service> service,
                          const stub::ServiceOptions& options);
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
    OnLoop(core::EventLoop* loop, EmbeddedAgent* agent,
           const ModuleRepository* modules, const HostedDirectory* hosted,
           const MasterOptions& options)
        : context(loop),
          children(&context, agent, &transports::StartLocalAgent, &ssh),
          directory(&context, &children),
          calls(&context, modules, hosted, &directory, &stats, &tree,
                options.observer, ToGraceMs(options.module_idle)) {
      context.ids().Add(1, kAllIds);
      directory.SetLockSource(
          [modules](const std::string& name) { return modules->Locks(name); });
      directory.SetWatcher([this](const ContextDirectory::Change& change) {
        tree.OnChange(change);
      });
    }

    KeptStats stats;
    TreeWatch tree;
    std::map<uint64_t, LogWatcher> log_watchers;
    uint64_t last_log_watch = 0;
    SshTransport ssh;
    core::Context context;
    parent::ChildStarter children;
    ContextDirectory directory;
    CallDispatcher calls;
  };
  OnLoop* on_loop() { return on_loop_.get(); }

  // Any thread.
  // `compression`: of what is sent as it is.
  std::shared_ptr<stub::RawCall> StartCall(
      TargetPtr target, std::string method, const stub::CallOptions& options,
      std::shared_ptr<stub::RawCallListener> listener,
      stub::Compression compression);
  void StartUnary(TargetPtr target, std::string method, std::string request,
                  const stub::CallOptions& options,
                  stub::Channel::DoneCallback done);

 private:
  void OnForwardLog(const core::FrameHeader& header, std::string_view payload);
  void TellLog(const LogLine& line);

  const MasterOptions options_;
  const std::unique_ptr<EmbeddedAgent> agent_;
  ModuleRepository modules_;
  HostedDirectory hosted_directory_;
  absl::Mutex running_mutex_;
  bool running_ ABSL_GUARDED_BY(running_mutex_) = true;
  HostedServices hosted_;
  LoopThread thread_;
  std::unique_ptr<OnLoop> on_loop_;
};

void Master::Impl::Start() {
  modules_.SetPolicy(options_.module_policy);
  modules_.AddListener(
      [this] { Post([this] { on_loop_->calls.OnModulesChanged(); }); });
  thread_.RunAndWait([this] {
    on_loop_ = std::make_unique<OnLoop>(thread_.loop(), agent_.get(), &modules_,
                                        &hosted_directory_, options_);
    on_loop_->calls.delivery().SetNamedImages(
        [this](uint32_t kind, const std::string& name) {
          return kind == core::ModuleNotice::kAgent ? agent_->PackedBytes(name)
                                                    : std::string();
        });
    on_loop_->children.set_image_cache_bytes(options_.image_cache_bytes);
    on_loop_->context.heartbeat().Start(options_.heartbeat);
    on_loop_->context.router().set_unidirectional(options_.unidirectional);
    on_loop_->context.set_log_level(options_.log || options_.keep_log
                                        ? options_.log_level
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
    hosted_.Stop();
    on_loop_->calls.EndAll(over);
    on_loop_->context.handles().FailAll(over);
  });
  hosted_.Wait();
  thread_.RunAndWait([this] { on_loop_.reset(); });
}

absl::Status Master::Impl::AddService(std::unique_ptr<stub::Service> service,
                                      const stub::ServiceOptions& options) {
  absl::Status status;
  service = stub::Intercepted(std::move(service), options_.interceptors);
  thread_.RunAndWait([&] {
    const stub::ServiceInfo& info = service->RametInfo();
    status = hosted_.Add(&on_loop_->context, std::move(service), options);
    if (status.ok()) hosted_directory_.Add(info);
  });
  return status;
}

void Master::Impl::OnForwardLog(const core::FrameHeader& header,
                                std::string_view payload) {
  core::ForwardLog log;
  if (!options_.log && on_loop_->log_watchers.empty()) return;
  if (!core::ParseControl(payload, &log)) return;
  LogLine line;
  line.context = on_loop_->directory.NameOf(header.src_id);
  // Contexts keep the same budget; one that does not is a hostile one.
  core::LineBudget& budget = on_loop_->directory.LogBudgetOf(header.src_id);
  if (!budget.Take(thread_.loop()->NowUs())) return;
  if (const uint32_t dropped = budget.TakeDropped()) {
    line.level = static_cast<uint32_t>(core::LogLevel::kWarning);
    line.source = "log";
    line.text = std::to_string(dropped) + " lines dropped";
    TellLog(line);
  }
  line.level = log.level;
  line.source = std::move(log.source);
  line.text = std::move(log.text);
  TellLog(line);
}

void Master::Impl::TellLog(const LogLine& line) {
  if (options_.log) options_.log(line);
  for (const auto& [watch, watcher] : on_loop_->log_watchers) watcher(line);
}

std::shared_ptr<stub::RawCall> Master::Impl::StartCall(
    TargetPtr target, std::string method, const stub::CallOptions& options,
    std::shared_ptr<stub::RawCallListener> listener,
    stub::Compression compression) {
  const auto call = std::make_shared<PostedCall>(
      [self = shared_from_this()](std::function<void()> task) {
        return self->Post(std::move(task));
      },
      std::move(listener), compression, options.max_reply_bytes);
  call->StartWith(
      [this, target = std::move(target), method = std::move(method),
       options = WithDeadline(options)](
          std::unique_ptr<OutgoingCall::Listener> on_loop_listener) {
        return on_loop_->calls.Start(*target, method, options,
                                     std::move(on_loop_listener));
      });
  return call;
}

void Master::Impl::StartUnary(TargetPtr target, std::string method,
                              std::string request,
                              const stub::CallOptions& options,
                              stub::Channel::DoneCallback done) {
  struct Arguments {
    TargetPtr target;
    std::string method;
    std::string request;
    stub::CallOptions options;
    stub::Channel::DoneCallback done;
  };
  // One allocation for all that the task needs; std::function would copy.
  auto call = std::make_shared<Arguments>(
      Arguments{std::move(target), std::move(method), std::move(request),
                WithDeadline(options), std::move(done)});
  const bool posted = Post([this, call] {
    const auto started = on_loop_->calls.Start(
        *call->target, call->method, call->options,
        std::make_unique<UnaryListener>(
            call->method, [call](CallResult result, std::string reply) {
              if (result.status.ok()) return call->done(std::move(reply));
              absl::Status status = stub::ToAbslStatus(result.status);
              if (!result.details.empty()) {
                status.SetPayload(stub::kStatusDetailsUrl,
                                  absl::Cord(std::move(result.details)));
              }
              call->done(std::move(status));
            }));
    if (started != nullptr) {
      started->Send(call->request);
      started->CloseSend();
    }
    // What waits for the answer need not keep the request.
    std::string().swap(call->request);
  });
  if (!posted) call->done(absl::CancelledError("the master is gone"));
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
    impl_->StartUnary(target_, std::move(method), std::move(request), options,
                      std::move(done));
  }

  std::shared_ptr<stub::RawCall> StartCall(
      std::string method, const stub::CallOptions& options,
      std::shared_ptr<stub::RawCallListener> listener) override {
    if (options.compression == stub::Compression::kNone) {
      return impl_->StartCall(target_, std::move(method), options,
                              std::move(listener), options.compression);
    }
    stub::CallOptions accepting = options;
    accepting.accepted_compressions = stub::kAllCompressions;
    return impl_->StartCall(target_, std::move(method), accepting,
                            std::move(listener), options.compression);
  }

  bool keeps_order() const override { return true; }

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

absl::StatusOr<ModuleRepository::LoadedPtr> Master::LoadModule(
    std::string bytes, const std::string& origin,
    const ModuleRepository::LoadOptions& options) {
  return impl_->modules().Load(std::move(bytes), origin, options);
}

absl::StatusOr<std::vector<ModuleRepository::LoadedPtr>> Master::UnloadModules(
    const std::string& what) {
  return impl_->modules().Unload(what);
}

absl::Status Master::ReloadModuleFiles(const std::vector<std::string>& paths,
                                       ModulePolicy policy) {
  return impl_->modules().ReplaceWith(paths, std::move(policy));
}

std::map<std::string, std::vector<std::string>> Master::ModuleContexts() {
  std::map<std::string, std::vector<std::string>> result;
  impl_->thread().RunAndWait([&] {
    for (const ContextDirectory::Entry* entry :
         impl_->on_loop()->directory.List()) {
      for (const auto& [service, digest] : entry->delivered) {
        std::vector<std::string>& names = result[digest];
        if (names.empty() || names.back() != entry->name) {
          names.push_back(entry->name);
        }
      }
    }
  });
  return result;
}

absl::Status Master::AddService(std::unique_ptr<stub::Service> service,
                                const stub::ServiceOptions& options) {
  return impl_->AddService(std::move(service), options);
}

const ModuleRepository& Master::modules() const { return impl_->modules(); }

ModuleRepository& Master::modules() { return impl_->modules(); }
const HostedDirectory& Master::hosted() const { return impl_->hosted(); }

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
  absl::Notification done;
  absl::Status status;
  StartConnect(target, options, [&](const absl::Status& result) {
    status = result;
    done.Notify();
  });
  done.WaitForNotification();
  if (!status.ok()) return status;
  return Open(target, options);
}

void Master::StartConnect(const std::string& target,
                          const ConnectOptions& options, ConnectDone done) {
  const absl::StatusOr<TargetPtr> made = MakeTarget(target, options);
  if (!made.ok()) return done(made.status());
  if ((*made)->hops.empty()) return done(absl::OkStatus());  // the master
  auto shared = std::make_shared<ConnectDone>(std::move(done));
  const bool posted = impl_->Post([impl = impl_.get(), target = *made, shared] {
    impl->on_loop()->stats.Keep(target->connect.stats);
    impl->on_loop()->directory.WhenReady(
        target->hops,
        impl->on_loop()->tree.Follow(
            target->hops[0].ToString(),
            ToDirectoryOptions(target->connect, absl::InfiniteDuration())),
        [shared](const core::Status& result, ContextDirectory::Entry*) {
          (*shared)(stub::ToAbslStatus(result));
        });
  });
  if (!posted) (*shared)(absl::CancelledError("the master is gone"));
}

std::vector<ContextInfo> Master::List() {
  std::vector<ContextInfo> result;
  impl_->thread().RunAndWait([&] {
    for (const ContextDirectory::Entry* entry :
         impl_->on_loop()->directory.List()) {
      result.push_back(InfoOf(*entry));
    }
  });
  return result;
}

uint64_t Master::module_bytes_sent() const {
  uint64_t bytes = 0;
  impl_->thread().RunAndWait([&] {
    bytes = impl_->on_loop()->calls.delivery().courier().given_bytes();
  });
  return bytes;
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

uint64_t Master::WatchTree(TreeWatcher watcher) {
  uint64_t watch = 0;
  impl_->thread().RunAndWait([&] {
    Impl::OnLoop* const state = impl_->on_loop();
    for (const ContextDirectory::Entry* entry : state->directory.List()) {
      watcher({TreeChange::Kind::kAdded, InfoOf(*entry), "", {}});
    }
    watch = state->tree.Add(std::move(watcher));
  });
  return watch;
}

void Master::UnwatchTree(uint64_t watch) {
  impl_->thread().RunAndWait([&] { impl_->on_loop()->tree.Remove(watch); });
}

uint64_t Master::WatchLog(LogWatcher watcher) {
  uint64_t watch = 0;
  impl_->thread().RunAndWait([&] {
    Impl::OnLoop* const state = impl_->on_loop();
    watch = ++state->last_log_watch;
    state->log_watchers.emplace(watch, std::move(watcher));
  });
  return watch;
}

void Master::UnwatchLog(uint64_t watch) {
  impl_->thread().RunAndWait(
      [&] { impl_->on_loop()->log_watchers.erase(watch); });
}

absl::Status Master::Disconnect(const std::string& name, absl::Duration grace) {
  absl::Notification done;
  core::Status status;
  const uint32_t grace_ms = ToGraceMs(grace);
  impl_->thread().loop()->Post([&] {
    impl_->on_loop()->directory.Disconnect(name, grace_ms,
                                           [&](const core::Status& result) {
                                             status = result;
                                             done.Notify();
                                           });
  });
  done.WaitForNotification();
  return stub::ToAbslStatus(status);
}

absl::Status Master::Detach(const std::string& name) {
  absl::Notification done;
  core::Status status;
  impl_->thread().loop()->Post([&] {
    impl_->on_loop()->directory.Detach(name, [&](const core::Status& result) {
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
  const uint32_t grace_ms = ToGraceMs(grace);
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

std::shared_ptr<stub::RawCall> Master::StartCall(
    const std::string& target, const ConnectOptions& connect,
    std::string method, const stub::CallOptions& options,
    std::shared_ptr<stub::RawCallListener> listener) {
  absl::StatusOr<TargetPtr> made = MakeTarget(target, connect);
  if (made.ok()) {
    return impl_->StartCall(*std::move(made), std::move(method), options,
                            std::move(listener), stub::Compression::kNone);
  }
  auto refused = std::make_shared<PostedCall>(
      [](const std::function<void()>&) { return false; }, std::move(listener));
  refused->Refuse(made.status());
  return refused;
}

}  // namespace ramet::server
