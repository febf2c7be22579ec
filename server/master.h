#ifndef SERVER_MASTER_H_
#define SERVER_MASTER_H_

#include <stdint.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/context/context.h"
#include "core/context/heartbeat.h"
#include "core/wire/control.h"
#include "server/call_observer.h"
#include "server/connect_options.h"
#include "server/context_info.h"
#include "server/hosted_directory.h"
#include "server/module_repository.h"
#include "stub/call_options.h"
#include "stub/context.h"
#include "stub/raw_call.h"
#include "stub/server_interceptor.h"
#include "stub/service.h"
#include "stub/service_options.h"

namespace ramet::server {

// A line that a module, or a process it started, printed in some context.
struct LogLine {
  std::string context;  // its name: "ssh:web1"
  uint32_t level = 0;   // 0 debug, 1 info, 2 warning, 3 error
  std::string source;   // "greeter stderr"
  std::string text;
};

struct MasterOptions {
  // How links are watched, in the whole tree.
  core::HeartbeatOptions heartbeat;
  // Contexts reach what is above and below them only, never their siblings.
  bool unidirectional = false;
  // Runs on the loop's thread and must not block. Empty: lines are dropped.
  std::function<void(const LogLine& line)> log;
  // Contexts send their lines although `log` is empty, for Master::WatchLog.
  bool keep_log = false;
  // Sees each call; outlives the master. Null: nobody does.
  CallObserver* observer = nullptr;
  // Of module images that each context keeps in memory; 0: 64 MiB. An image
  // that is larger can't be delivered.
  uint32_t image_cache_bytes = 0;
  // What bundles must be, and which contexts may get which.
  BundleChecks bundle_checks;
  ModulePolicy module_policy;
  // Modules' processes are ended after so long without a call, unless their
  // bundle says otherwise; zero: never.
  absl::Duration module_idle;
  // Around the methods of the master's own services (AddService).
  stub::ServerInterceptors interceptors;
  // Lines below it are not even sent.
  core::LogLevel log_level = core::LogLevel::kDebug;
};

// The root of a tree of contexts, in this process:
//
//   auto master = ramet::server::Master::Create();
//   (*master)->LoadModuleFile("greeter.rmod");
//   auto web1 = (*master)->Connect("ssh:web1");
//   demo::v1::GreeterStub greeter(*web1);
//   auto reply = greeter.SayHello(request);
//
// Ownership: whoever creates it. Destroying it ends every context; calls that
//   are still out fail with CANCELLED before the destructor returns. Contexts
//   that were given out stay valid, and calls on them then fail at once.
// Threads: any, at the same time, but never from a callback; one thread of its
//   own runs the loop.
class Master {
 public:
  // UNAVAILABLE, RESOURCE_EXHAUSTED: the machine lacks memory files or
  // descriptors.
  static absl::StatusOr<std::unique_ptr<Master>> Create(
      MasterOptions options = {});
  ~Master();
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  // Makes a bundle's services callable in every context; see ModuleRepository
  // for errors.
  absl::Status LoadModuleFile(const std::string& path);
  // The same from memory; ModuleRepository::Load.
  absl::StatusOr<ModuleRepository::LoadedPtr> LoadModule(
      std::string bytes, const std::string& origin,
      const ModuleRepository::LoadOptions& options = {});
  // ModuleRepository::Unload. Contexts refuse new calls of what is gone; those
  // at work go on.
  absl::StatusOr<std::vector<ModuleRepository::LoadedPtr>> UnloadModules(
      const std::string& what);
  // Bundle files and a policy in place of all that there was: all of it, or
  // nothing. Calls that run go on.
  absl::Status ReloadModuleFiles(const std::vector<std::string>& paths,
                                 ModulePolicy policy = {});
  // Where the bundles serve, by their digests: names of contexts.
  std::map<std::string, std::vector<std::string>> ModuleContexts();
  const ModuleRepository& modules() const;
  ModuleRepository& modules();

  // Serves `service` to the contexts below, from now on: what its methods are
  // called by is for ANY; nobody is above the master, so what is for PARENTS or
  // SELF is refused. To its own program, by Open("master"), and to clients of a
  // front door it serves all of them. Methods run on threads of their own, and
  // may use stubs and this master, but not destroy it; whatever runs when a
  // call is cancelled must not block. ~Master() cancels its calls and waits for
  // its methods. `options`: its limits, in place of those in its .proto.
  // ALREADY_EXISTS: there is one of that name; INVALID_ARGUMENT: options of no
  // such method.
  absl::Status AddService(std::unique_ptr<stub::Service> service,
                          const stub::ServiceOptions& options = {});

  // The services of AddService().
  const HostedDirectory& hosted() const;

  // Connects `target` ("ssh:bastion/ssh:web1") unless it is connected, and
  // waits for it. Errors name what failed, the hop, the phase and why:
  //   INVALID_ARGUMENT     not a target
  //   UNAVAILABLE          unreachable, or lost meanwhile; try again
  //   UNAUTHENTICATED      no credentials were accepted
  //   FAILED_PRECONDITION  host key unknown or changed; no agent for the
  //                        platform; no place to run it
  //   DEADLINE_EXCEEDED    not done within options.timeout
  absl::StatusOr<stub::Context> Connect(const std::string& target,
                                        const ConnectOptions& options = {});

  // The same with a callback, on the loop's thread or in this call.
  using ConnectDone = std::function<void(const absl::Status& status)>;
  void StartConnect(const std::string& target, const ConnectOptions& options,
                    ConnectDone done);

  // The same without waiting: calls made meanwhile travel together with the
  // bootstrap, and fail as the connect does. A context that is lost is
  // connected anew by the next call. INVALID_ARGUMENT only.
  absl::StatusOr<stub::Context> Open(const std::string& target,
                                     const ConnectOptions& options = {});

  std::vector<ContextInfo> List();
  // What the context called `name` ("master": this one) counts of its links.
  // NOT_FOUND: there is none; else as of a call.
  absl::StatusOr<std::vector<core::LinkInfo>> Links(const std::string& name);

  // Bytes of modules' images that were sent over this master's own links.
  uint64_t module_bytes_sent() const;

  // Calls `watcher` with kAdded for each context that there is, parents before
  // children, and from then on with each change; on the loop's thread, where it
  // must not block. Returns what ends it, once the first part is over.
  using TreeWatcher = std::function<void(const TreeChange& change)>;
  uint64_t WatchTree(TreeWatcher watcher);
  // `watcher` is not called any more when this returns.
  void UnwatchTree(uint64_t watch);

  // Calls `log` with each line, beside MasterOptions::log, like it. Nothing
  // comes unless that one is set or the options' keep_log is true.
  using LogWatcher = std::function<void(const LogLine& line)>;
  uint64_t WatchLog(LogWatcher watcher);
  void UnwatchLog(uint64_t watch);

  // Ends a context and its subtree: calls at work there have `grace` to end,
  // new ones are refused, UNAVAILABLE; then it is ended by force. NOT_FOUND:
  // there is none of that name.
  absl::Status Disconnect(const std::string& name,
                          absl::Duration grace = absl::Seconds(3));

  // Ends all contexts like that, by force after `grace`. For a program that
  // wants calls at work to end before it destroys the master. Blocks.
  void DisconnectAll(absl::Duration grace = absl::Seconds(5));

  // One call as bytes, of any kind; see stub::Channel::StartCall. Errors are
  // its and Connect's. The call may outlive the master.
  //
  // For proxies: messages are not compressed here. `options.compression` is
  // that of what RawCall::SendCompressed() gets.
  std::shared_ptr<stub::RawCall> StartCall(
      const std::string& target, const ConnectOptions& connect,
      std::string method, const stub::CallOptions& options,
      std::shared_ptr<stub::RawCallListener> listener);
  // Lets a context and its subtree live on without this master, which can't
  // reach them any more: calls at work there go on, their callers learn that
  // the context was detached, and what its modules print goes nowhere. It ends
  // with its last module and child, or by SIGTERM to its process.
  //   NOT_FOUND            there is none of that name, or it is not ready
  //   FAILED_PRECONDITION  it is being ended
  //   UNAVAILABLE          it was lost meanwhile
  //   DEADLINE_EXCEEDED    it did not answer within 5 s
  absl::Status Detach(const std::string& name);

 private:
  class Impl;
  class ContextChannel;

  explicit Master(std::shared_ptr<Impl> impl);

  const std::shared_ptr<Impl> impl_;
};

}  // namespace ramet::server

#endif  // SERVER_MASTER_H_
