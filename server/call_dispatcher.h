#ifndef SERVER_CALL_DISPATCHER_H_
#define SERVER_CALL_DISPATCHER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/context/context.h"
#include "parent/connect_stats.h"
#include "parent/hop.h"
#include "server/call_observer.h"
#include "server/connect_options.h"
#include "server/context_directory.h"
#include "server/hosted_directory.h"
#include "server/module_delivery.h"
#include "server/module_repository.h"
#include "server/outgoing_call.h"
#include "server/tree_watch.h"
#include "stub/call_options.h"

namespace ramet::server {

// Where calls go and how to connect it: parsed once, shared by every call.
struct Target {
  std::vector<parent::Hop> hops;  // none: the master
  std::string name;
  ConnectOptions connect;
};
using TargetPtr = std::shared_ptr<const Target>;

// Pure. `text` may be kMasterName. INVALID_ARGUMENT: it is not a target.
absl::StatusOr<TargetPtr> MakeTarget(const std::string& text,
                                     const ConnectOptions& connect);

// `options.timeout`, or `limit` if that is shorter, as the directory has it.
DirectoryOptions ToDirectoryOptions(const ConnectOptions& options,
                                    absl::Duration limit);

// Figures of connects, kept for as long as streams may write them: built before
// and destroyed after these.
class KeptStats {
 public:
  void Keep(const std::shared_ptr<parent::ConnectStats>& figures) {
    if (figures == nullptr) return;
    if (kept_.empty() || kept_.back() != figures) kept_.push_back(figures);
  }

 private:
  std::vector<std::shared_ptr<parent::ConnectStats>> kept_;
};

// Starts calls: finds the bundle that has the method, connects the context,
// has the module delivered, keeps the deadline.
//
// Ownership: borrows everything. Threads: the loop's.
class CallDispatcher {
 public:
  // `hosted`: what the master itself serves. `observer` sees each call; null:
  // nobody does. `module_idle_ms`: AnnounceModule's.
  CallDispatcher(core::Context* context, const ModuleRepository* modules,
                 const HostedDirectory* hosted, ContextDirectory* directory,
                 KeptStats* stats, TreeWatch* tree, CallObserver* observer,
                 uint32_t module_idle_ms);

  // Starts a call of `method` ("/demo.v1.Greeter/SayHello") in a context, or of
  // one of the master's own services. `options` has its
  // limit as a deadline. Null when it has ended already; the listener was told
  // then, as always.
  std::shared_ptr<OutgoingCall> Start(
      const Target& target, std::string method,
      const stub::CallOptions& options,
      std::unique_ptr<OutgoingCall::Listener> listener);

  ModuleDelivery& delivery() { return delivery_; }

  // The repository has changed: contexts forget what it does not have for them
  // any more.
  void OnModulesChanged();

  // Ends every call.
  void EndAll(const core::Status& why);

 private:
  // Tells the dispatcher and the observer when its call ends.
  class RegisteredListener;

  void SetDeadline(OutgoingCall* call, const Target& target,
                   absl::Duration remaining,
                   const ContextDirectory::Entry* linked);
  // For a call whose context frames can't be sent to yet.
  void StartWhenLinked(const Target& target, const stub::CallOptions& options,
                       const std::shared_ptr<OutgoingCall>& call);
  // For one that waits until its context is ready, however often that fails.
  struct Patient;
  // False: no call of its chain waits for that.
  bool WaitBehindItsChain(const Target& target,
                          const stub::CallOptions& options,
                          const std::shared_ptr<OutgoingCall>& call);
  void StartWhenReady(const std::shared_ptr<Patient>& patient);
  void TryAgain(const std::shared_ptr<Patient>& patient,
                const core::Status& status);
  DirectoryOptions FollowConnect(const Target& target,
                                 absl::Duration remaining);
  // False: the call was ended, because there is no bundle or image for the
  // context.
  bool Deliver(OutgoingCall* call, ContextDirectory::Entry* entry);

  core::Context* const context_;
  const ModuleRepository* const modules_;
  const HostedDirectory* const hosted_;
  ContextDirectory* const directory_;
  ModuleDelivery delivery_;
  KeptStats* const stats_;
  TreeWatch* const tree_;
  CallObserver* const observer_;
  ChainStarts chain_starts_;
  // By chain and target.
  std::map<std::pair<uint64_t, std::string>, std::weak_ptr<Patient>>
      patient_chains_;
  std::map<OutgoingCall*, std::weak_ptr<OutgoingCall>> calls_;
};

}  // namespace ramet::server

#endif  // SERVER_CALL_DISPATCHER_H_
