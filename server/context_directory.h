#ifndef SERVER_CONTEXT_DIRECTORY_H_
#define SERVER_CONTEXT_DIRECTORY_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/context/context.h"
#include "core/context/line_budget.h"
#include "core/wire/control.h"
#include "parent/child_starter.h"
#include "parent/connect_stats.h"
#include "parent/hop.h"

namespace ramet::server {

// How to connect a context that does not run yet.
struct DirectoryOptions {
  core::SshOptions ssh;
  std::string cache_dir;  // ConnectOptions'
  uint32_t cache_mib = 0;
  std::string platform;  // of the last hop
  uint32_t timeout_ms = parent::ChildStarter::kDefaultConnectTimeoutMs;
  // Of the first hop; may be null, else outlives the core::Context.
  parent::ConnectStats* stats = nullptr;
};

// The contexts of a master by name, which is the path of hops to them
// ("ssh:bastion/ssh:web1"): connected on first use, and kept.
//
// Threads: the loop's.
class ContextDirectory {
 public:
  struct Entry {
    std::string name;
    std::string parent;  // name; empty below the master
    core::ContextId id = 0;
    bool linked = false;  // frames can be sent to `id`
    bool ready = false;   // it has said hello
    core::HelloReply hello;
    // Of its agent; the one that is likely there, until it is ready.
    std::string platform;
    // The digest of the bundle that serves it there, by service.
    std::map<std::string, std::string> delivered;
    // What it holds for its life (importer/module_locks.h), those of the
    // contexts above it included.
    std::vector<std::string> locks;
    // Digests of bundles of which it was logged that its locks refuse them.
    std::set<std::string> told_refused;
    // The digest that its image was announced with for a call, by the bundle's
    // digest: what patches can be made of there.
    std::map<std::string, std::string> images;
    // Twice what the context keeps itself, which then never meets this one.
    core::LineBudget log_budget{2};
  };

  ContextDirectory(core::Context* context, parent::ChildStarter* children);
  ~ContextDirectory();

  // Gives the context as soon as frames can be sent to it, which for a child
  // of the master is at once: what is sent early travels with the bootstrap.
  // Later failures show as dead replies. The entry is valid in the callback.
  using LinkedCallback =
      std::function<void(const core::Status& status, Entry* entry)>;
  void WhenLinked(const std::vector<parent::Hop>& hops,
                  const DirectoryOptions& options, LinkedCallback done);

  // Gives the context once it has said hello.
  void WhenReady(const std::vector<parent::Hop>& hops,
                 const DirectoryOptions& options, LinkedCallback done);

  // How long the calls at work in a context that is ended have to end first.
  static constexpr uint32_t kGraceMs = 3000;

  // Ends a context and its subtree, by force after `grace_ms`, and tells when
  // they can't be reached any more. NOT_FOUND: there is none of that name.
  using DisconnectedCallback = std::function<void(const core::Status& status)>;
  void Disconnect(const std::string& name, uint32_t grace_ms,
                  DisconnectedCallback done);

  // Lets a context and its subtree live on without this master, which forgets
  // them. NOT_FOUND: there is none of that name, or it is not ready;
  // FAILED_PRECONDITION: it is being ended; UNAVAILABLE: it was lost;
  // DEADLINE_EXCEEDED: it, or who is above it, did not answer.
  using DetachedCallback = std::function<void(const core::Status& status)>;
  void Detach(const std::string& name, DetachedCallback done);

  // What a context counts of its links; "master": this one. Codes as of a call;
  // NOT_FOUND: there is no context of that name.
  using LinksCallback = std::function<void(const core::Status& status,
                                           const core::LinksReply& reply)>;
  void ReportLinks(const std::string& name, LinksCallback done);

  // What happened to a context; valid during the callback. A parent is added
  // before its children, and lost in any order.
  struct Change {
    enum class Kind { kAdded, kReady, kLost };
    Kind kind;
    const Entry* entry;
    const core::Status* why;  // kLost only
  };
  // Gets each change from now on. It must not call back. One; empty: nobody.
  using Watcher = std::function<void(const Change& change)>;
  void SetWatcher(Watcher watcher) { watcher_ = std::move(watcher); }

  // Says which locks a context that is started now should hold, by its name.
  using LockSource =
      std::function<std::vector<std::string>(const std::string& name)>;
  void SetLockSource(LockSource source) { lock_source_ = std::move(source); }

  // Null when there is none, or frames can't be sent to it yet.
  Entry* FindLinked(const std::string& name);
  // The name for texts; the id where there is none.
  std::string NameOf(core::ContextId id) const;
  // What it may still log. Contexts that nobody here has made share one.
  core::LineBudget& LogBudgetOf(core::ContextId id);
  // Parents before children.
  std::vector<const Entry*> List() const;
  // Those to which frames can be sent.
  std::vector<Entry*> ListLinked();

  static std::string Name(const std::vector<parent::Hop>& hops, size_t count);

 private:
  struct Node : Entry {
    std::vector<LinkedCallback> linked_waiters;
    std::vector<LinkedCallback> ready_waiters;
    std::vector<DisconnectedCallback> end_waiters;
  };

  Node* GetOrStart(const std::vector<parent::Hop>& hops, size_t count,
                   const DirectoryOptions& options);
  void StartBelowMaster(Node* node, const DirectoryOptions& options);
  void StartBelow(const std::string& name, core::ContextId parent,
                  const std::string& hop, size_t hop_number,
                  const DirectoryOptions& options, int64_t deadline_us);
  // Adds to the request the locks that its parent does not hold. What they are
  // together stays in the node. RESOURCE_EXHAUSTED: more than one may hold.
  core::Status AddLocks(Node* node, core::StartChildRequest* request);
  // Whether a hop's word may be taken that it has started `child`.
  bool IsNewBelow(core::ContextId parent, core::ContextId child) const;
  bool IsAbove(core::ContextId hop, core::ContextId id) const;
  void OnLinked(const std::string& name, core::ContextId id);
  void OnDone(const std::string& name, const core::Status& status,
              const core::StartChildReply& reply);
  void OnRouteLost(core::ContextId id, const core::Status& why);
  void Fail(const std::string& name, const core::Status& why);
  void Tell(Change::Kind kind, const Entry* entry, const core::Status* why);
  void EndByForce(Node* node);
  // Sets its platform, and remembers it for the next connect.
  void SetPlatform(Node* node, const std::string& platform);
  void OnStopped(const std::string& name, core::ContextId id,
                 const core::Status& status);

  core::Context* const context_;
  parent::ChildStarter* const children_;
  std::map<std::string, std::unique_ptr<Node>> nodes_;
  std::map<core::ContextId, std::string> names_;
  // Platforms of contexts that there were, by name, where they are not those of
  // their parents.
  std::map<std::string, std::string> platforms_;
  core::LineBudget strangers_log_budget_{2};
  Watcher watcher_;
  LockSource lock_source_;
};

}  // namespace ramet::server

#endif  // SERVER_CONTEXT_DIRECTORY_H_
