#include "server/context_directory.h"

#include <algorithm>
#include <utility>

#include "core/base/strings.h"
#include "importer/module_locks.h"
#include "parent/platform.h"
#include "server/control_call.h"

namespace ramet::server {
namespace {

using core::Code;
using core::ContextId;
using core::Status;

// A context that has not answered a small request by then is not going to.
constexpr int64_t kAnswerTimeoutUs = 5'000'000;
// Its own limit and the frame's way; then it is not going to end by itself.
constexpr int64_t kForceAfterGraceUs = 1'000'000;
// A few hundred bytes each. Of more contexts the platform is guessed each time,
// which costs those that are not like their parents one round trip.
constexpr size_t kMaxRememberedPlatforms = 10'000;

}  // namespace

ContextDirectory::ContextDirectory(core::Context* context,
                                   parent::ChildStarter* children)
    : context_(context), children_(children) {
  context_->AddRouteLostHandler(
      [this](ContextId id, const Status& why) { OnRouteLost(id, why); });
  context_->SetOnTheWay([this](ContextId hop, ContextId respondent) {
    return IsAbove(hop, respondent);
  });
}

ContextDirectory::~ContextDirectory() = default;

std::string ContextDirectory::Name(const std::vector<parent::Hop>& hops,
                                   size_t count) {
  std::string name;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) name += '/';
    name += hops[i].ToString();
  }
  return name;
}

void ContextDirectory::WhenLinked(const std::vector<parent::Hop>& hops,
                                  const DirectoryOptions& options,
                                  LinkedCallback done) {
  Node* const node = GetOrStart(hops, hops.size(), options);
  if (node->linked) {
    done(Status(), node);
  } else {
    node->linked_waiters.push_back(std::move(done));
  }
}

void ContextDirectory::WhenReady(const std::vector<parent::Hop>& hops,
                                 const DirectoryOptions& options,
                                 LinkedCallback done) {
  Node* const node = GetOrStart(hops, hops.size(), options);
  if (node->ready) {
    done(Status(), node);
  } else {
    node->ready_waiters.push_back(std::move(done));
  }
}

ContextDirectory::Node* ContextDirectory::GetOrStart(
    const std::vector<parent::Hop>& hops, size_t count,
    const DirectoryOptions& options) {
  const std::string name = Name(hops, count);
  auto it = nodes_.find(name);
  if (it != nodes_.end()) return it->second.get();
  Node* const node = (nodes_[name] = std::make_unique<Node>()).get();
  node->name = name;
  const auto remembered = platforms_.find(name);
  if (remembered != platforms_.end()) {
    node->platform = remembered->second;
  } else if (count == hops.size()) {
    node->platform = options.platform;
  }
  if (count == 1) {
    if (node->platform.empty()) node->platform = parent::ThisPlatform().name;
    Tell(Change::Kind::kAdded, node, nullptr);
    // Posted, so that an immediate failure finds its waiter.
    context_->loop()->RunAfter(0, [this, name, options] {
      auto found = nodes_.find(name);
      if (found != nodes_.end() && !found->second->linked) {
        StartBelowMaster(found->second.get(), options);
      }
    });
    return node;
  }
  node->parent = Name(hops, count - 1);
  const std::string hop = hops[count - 1].ToString();
  const int64_t deadline_us =
      context_->loop()->NowUs() + int64_t{1000} * options.timeout_ms;
  Node* const above = GetOrStart(hops, count - 1, options);
  Tell(Change::Kind::kAdded, node, nullptr);
  LinkedCallback when_ready = [this, name, hop, count, options, deadline_us](
                                  const Status& status, Entry* parent) {
    if (!status.ok()) {
      Fail(name, status);
    } else {
      StartBelow(name, parent->id, hop, count, options, deadline_us);
    }
  };
  if (above->ready) {
    when_ready(Status(), above);
  } else {
    above->ready_waiters.push_back(std::move(when_ready));
  }
  return node;
}

void ContextDirectory::StartBelowMaster(Node* node,
                                        const DirectoryOptions& options) {
  const std::string name = node->name;
  core::StartChildRequest request;
  request.hop = name;
  request.name = name;
  request.ssh = options.ssh;
  request.cache_dir = options.cache_dir;
  request.cache_mib = options.cache_mib;
  request.timeout_ms = options.timeout_ms;
  request.hop_number = 1;
  request.platform = node->platform;
  const Status locked = AddLocks(node, &request);
  if (!locked.ok()) return Fail(name, locked);
  children_->Start(
      request, options.stats,
      [this, name](ContextId id) { OnLinked(name, id); },
      [this, name](const Status& status, const core::StartChildReply& reply) {
        OnDone(name, status, reply);
      });
}

void ContextDirectory::StartBelow(const std::string& name, ContextId parent,
                                  const std::string& hop, size_t hop_number,
                                  const DirectoryOptions& options,
                                  int64_t deadline_us) {
  // The hop's own limit ends a little earlier than ours, so that its text,
  // which knows the phase, arrives in time.
  const int64_t left_ms = (deadline_us - context_->loop()->NowUs()) / 1000;
  core::StartChildRequest request;
  request.hop = hop;
  request.name = name;
  request.ssh = options.ssh;
  request.cache_dir = options.cache_dir;
  request.cache_mib = options.cache_mib;
  request.timeout_ms =
      static_cast<uint32_t>(std::max<int64_t>(left_ms - left_ms / 16, 1));
  request.hop_number = static_cast<uint32_t>(hop_number);
  const auto node = nodes_.find(name);
  // Given up meanwhile.
  if (node == nodes_.end()) return;
  request.platform = node->second->platform;
  const Status locked = AddLocks(node->second.get(), &request);
  if (!locked.ok()) {
    // Posted, so that it finds its waiter.
    context_->loop()->RunAfter(0, [this, name, locked] { Fail(name, locked); });
    return;
  }
  // The hop should have answered by then; a hop that is stuck does not.
  CallAgent(
      context_, parent, "StartChild", core::SerializeControl(request),
      std::max<int64_t>(left_ms, 1) * 1000,
      core::Error(Code::kDeadlineExceeded,
                  {"cannot start a context: ", hop, " (hop ", hop_number,
                   ", phase exec): ", NameOf(parent), " did not answer"}),
      [this, name, parent](CallResult result, const std::string& message) {
        core::StartChildReply reply;
        if (result.status.ok() && !core::ParseControl(message, &reply)) {
          result.status = Status(Code::kInternal, "malformed StartChildReply");
        }
        if (result.status.ok() && !IsNewBelow(parent, reply.id)) {
          result.status = core::Error(
              Code::kInternal, {"cannot start a context: ", NameOf(parent),
                                " claims that its child is ", reply.id});
        }
        const auto node = nodes_.find(name);
        if (result.status.ok() && node != nodes_.end()) {
          SetPlatform(node->second.get(), reply.hello.platform);
          OnLinked(name, reply.id);
        }
        OnDone(name, result.status, reply);
      });
}

Status ContextDirectory::AddLocks(Node* node,
                                  core::StartChildRequest* request) {
  if (!lock_source_) return Status();
  const auto above = nodes_.find(node->parent);
  if (above != nodes_.end()) node->locks = above->second->locks;
  for (std::string& lock : lock_source_(node->name)) {
    if (std::find(node->locks.begin(), node->locks.end(), lock) !=
        node->locks.end()) {
      continue;
    }
    request->module_locks += lock;
    node->locks.push_back(std::move(lock));
  }
  size_t bytes = 0;
  for (const std::string& lock : node->locks) bytes += lock.size();
  if (bytes <= importer::kMaxLocksBytes) return Status();
  return core::Error(
      Code::kResourceExhausted,
      {"cannot start a context: ", node->name,
       ": its locked module rules have ", bytes,
       " bytes with those of the contexts above it, more than the ",
       importer::kMaxLocksBytes, " that one may hold"});
}

bool ContextDirectory::IsNewBelow(ContextId parent, ContextId child) const {
  // A route to the child is announced before the answer, and accepted within
  // the parent's grants only.
  const core::Router& router = context_->router();
  return names_.count(child) == 0 && router.HasRoute(child) &&
         router.LinkTo(child) == router.LinkTo(parent);
}

bool ContextDirectory::IsAbove(ContextId hop, ContextId id) const {
  const auto above = names_.find(hop);
  const auto below = names_.find(id);
  if (above == names_.end() || below == names_.end()) return false;
  const std::string prefix = above->second + '/';
  return below->second.compare(0, prefix.size(), prefix) == 0;
}

void ContextDirectory::OnLinked(const std::string& name, ContextId id) {
  auto it = nodes_.find(name);
  if (it == nodes_.end()) return;
  Node* const node = it->second.get();
  node->id = id;
  node->linked = true;
  names_[id] = name;
  std::vector<LinkedCallback> waiters;
  waiters.swap(node->linked_waiters);
  for (const LinkedCallback& waiter : waiters) waiter(Status(), node);
}

void ContextDirectory::OnDone(const std::string& name, const Status& status,
                              const core::StartChildReply& reply) {
  if (!status.ok()) {
    Fail(name, status);
    return;
  }
  auto it = nodes_.find(name);
  if (it == nodes_.end()) return;
  Node* const node = it->second.get();
  node->ready = true;
  node->hello = reply.hello;
  SetPlatform(node, reply.hello.platform);
  Tell(Change::Kind::kReady, node, nullptr);
  std::vector<LinkedCallback> waiters;
  waiters.swap(node->ready_waiters);
  for (const LinkedCallback& waiter : waiters) waiter(Status(), node);
}

void ContextDirectory::SetPlatform(Node* node, const std::string& platform) {
  node->platform = platform;
  const auto above = nodes_.find(node->parent);
  const std::string expected = above == nodes_.end()
                                   ? parent::ThisPlatform().name
                                   : above->second->platform;
  if (platform == expected || !parent::HasAgent(platform)) {
    platforms_.erase(node->name);
  } else if (platforms_.size() < kMaxRememberedPlatforms) {
    platforms_[node->name] = platform;
  }
}

void ContextDirectory::OnRouteLost(ContextId id, const Status& why) {
  auto it = names_.find(id);
  if (it != names_.end()) Fail(std::string(it->second), why);
}

void ContextDirectory::Fail(const std::string& name, const Status& why) {
  auto it = nodes_.find(name);
  if (it == nodes_.end()) return;
  const std::unique_ptr<Node> node = std::move(it->second);
  nodes_.erase(it);
  names_.erase(node->id);
  Tell(Change::Kind::kLost, node.get(), &why);
  for (const LinkedCallback& waiter : node->linked_waiters) {
    waiter(why, nullptr);
  }
  for (const LinkedCallback& waiter : node->ready_waiters) {
    waiter(why, nullptr);
  }
  for (const DisconnectedCallback& waiter : node->end_waiters) {
    waiter(Status());
  }
}

void ContextDirectory::Tell(Change::Kind kind, const Entry* entry,
                            const Status* why) {
  if (watcher_) watcher_({kind, entry, why});
}

void ContextDirectory::Disconnect(const std::string& name, uint32_t grace_ms,
                                  DisconnectedCallback done) {
  auto it = nodes_.find(name);
  if (it == nodes_.end() || !it->second->linked) {
    done(core::Error(Code::kNotFound, {"no context ", name}));
    return;
  }
  Node* const node = it->second.get();
  node->end_waiters.push_back(std::move(done));
  if (node->end_waiters.size() > 1) return;
  // One that never said hello has nothing to end in peace.
  if (!node->ready || grace_ms == 0) return EndByForce(node);
  core::FrameHeader header;
  header.dst_id = node->id;
  header.handle = core::kShutdown;
  core::Shutdown message;
  message.grace_ms = grace_ms;
  context_->router().Send(header, core::SerializeControl(message));
  context_->loop()->RunAfter(
      int64_t{1000} * grace_ms + kForceAfterGraceUs,
      [this, name, id = node->id] {
        auto found = nodes_.find(name);
        if (found != nodes_.end() && found->second->id == id) {
          EndByForce(found->second.get());
        }
      });
}

void ContextDirectory::EndByForce(Node* node) {
  const std::string name = node->name;
  auto above = nodes_.find(node->parent);
  const ContextId id = node->id;
  if (above == nodes_.end()) return OnStopped(name, id, children_->Stop(id));
  core::StopChildRequest request;
  request.id = id;
  CallAgent(
      context_, above->second->id, "StopChild", core::SerializeControl(request),
      kAnswerTimeoutUs,
      core::Error(Code::kDeadlineExceeded,
                  {"cannot end ", name, ": ", above->first, " did not answer"}),
      [this, name, id](const CallResult& result, const std::string&) {
        OnStopped(name, id, result.status);
      });
}

// What has ended lost its route before its parent answered; this is for what
// has not, whatever the parent says.
void ContextDirectory::OnStopped(const std::string& name, ContextId id,
                                 const Status& status) {
  auto it = nodes_.find(name);
  if (it == nodes_.end() || it->second->id != id) return;
  const Status why =
      status.ok() ? core::Error(Code::kInternal,
                                {"cannot end ", name, ": it is still there"})
                  : status;
  std::vector<DisconnectedCallback> waiters;
  waiters.swap(it->second->end_waiters);
  for (const DisconnectedCallback& waiter : waiters) waiter(why);
}

void ContextDirectory::Detach(const std::string& name, DetachedCallback done) {
  auto it = nodes_.find(name);
  if (it == nodes_.end() || !it->second->ready) {
    return done(core::Error(Code::kNotFound, {"no context ", name}));
  }
  Node* const node = it->second.get();
  if (!node->end_waiters.empty()) {
    return done(core::Error(Code::kFailedPrecondition,
                            {"context ", name, " is being ended"}));
  }
  const ContextId id = node->id;
  const Status no_answer = core::Error(
      Code::kDeadlineExceeded,
      {"cannot detach ", name, ": ", node->parent.empty() ? name : node->parent,
       " did not answer"});
  if (node->parent.empty()) {
    // The first of the answer and the limit takes the callback.
    auto waiting = std::make_shared<DetachedCallback>(std::move(done));
    const auto finish = [waiting](const Status& status) {
      DetachedCallback callback;
      callback.swap(*waiting);
      if (callback) callback(status);
    };
    context_->loop()->RunAfter(kAnswerTimeoutUs,
                               [finish, no_answer] { finish(no_answer); });
    return children_->Detach(id, finish);
  }
  core::StopChildRequest request;
  request.id = id;
  CallAgent(
      context_, nodes_.at(node->parent)->id, "DetachChild",
      core::SerializeControl(request), kAnswerTimeoutUs, no_answer,
      [this, name, id, done = std::move(done)](const CallResult& result,
                                               const std::string&) {
        // What was let go lost its route before its parent answered.
        const auto found = nodes_.find(name);
        const bool there = found != nodes_.end() && found->second->id == id;
        done(result.status.ok() && there
                 ? core::Error(Code::kInternal,
                               {"cannot detach ", name, ": it is still there"})
                 : result.status);
      });
}

void ContextDirectory::ReportLinks(const std::string& name,
                                   LinksCallback done) {
  if (name == "master") {
    return done(Status(), context_->router().ReportLinks());
  }
  auto it = nodes_.find(name);
  if (it == nodes_.end() || !it->second->ready) {
    return done(core::Error(Code::kNotFound, {"no context ", name}), {});
  }
  CallAgent(context_, it->second->id, "Links", {}, kAnswerTimeoutUs,
            core::Error(Code::kDeadlineExceeded, {name, " did not answer"}),
            [done = std::move(done)](const CallResult& result,
                                     const std::string& message) {
              core::LinksReply reply;
              Status status = result.status;
              if (status.ok() && !core::ParseControl(message, &reply)) {
                status = Status(Code::kInternal, "malformed LinksReply");
              }
              done(status, reply);
            });
}

ContextDirectory::Entry* ContextDirectory::FindLinked(const std::string& name) {
  auto it = nodes_.find(name);
  return it == nodes_.end() || !it->second->linked ? nullptr : it->second.get();
}

std::string ContextDirectory::NameOf(ContextId id) const {
  if (id == core::kMasterId) return "master";
  auto it = names_.find(id);
  return it == names_.end() ? std::to_string(id) : it->second;
}

core::LineBudget& ContextDirectory::LogBudgetOf(ContextId id) {
  auto it = names_.find(id);
  return it == names_.end() ? strangers_log_budget_
                            : nodes_.at(it->second)->log_budget;
}

std::vector<const ContextDirectory::Entry*> ContextDirectory::List() const {
  // A parent's name is a prefix of its children's, so the map's order has it
  // before them.
  std::vector<const Entry*> entries;
  for (const auto& [name, node] : nodes_) entries.push_back(node.get());
  return entries;
}

std::vector<ContextDirectory::Entry*> ContextDirectory::ListLinked() {
  std::vector<Entry*> entries;
  for (const auto& [name, node] : nodes_) {
    if (node->linked) entries.push_back(node.get());
  }
  return entries;
}

}  // namespace ramet::server
