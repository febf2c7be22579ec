#include "server/tree_watch.h"

#include <utility>

#include "stub/status_bridge.h"

namespace ramet::server {
namespace {

// So many connects end before the figures of one are given to another, whose
// phases a stream that goes late could mix up.
constexpr size_t kIdleConnects = 64;

}  // namespace

ContextInfo InfoOf(const ContextDirectory::Entry& entry) {
  return {entry.name, entry.parent, entry.id, entry.ready, entry.hello};
}

TreeWatch::~TreeWatch() = default;

uint64_t TreeWatch::Add(Watcher watcher) {
  watchers_.emplace(++last_watch_, std::move(watcher));
  return last_watch_;
}

void TreeWatch::Remove(uint64_t watch) { watchers_.erase(watch); }

void TreeWatch::Tell(const TreeChange& change) {
  for (const auto& [watch, watcher] : watchers_) watcher(change);
}

void TreeWatch::OnChange(const ContextDirectory::Change& change) {
  using Kind = ContextDirectory::Change::Kind;
  const std::string& name = change.entry->name;
  if (change.kind == Kind::kLost) {
    const auto connect = by_name_.find(name);
    if (connect != by_name_.end()) {
      connect->second->name.clear();
      idle_.push_back(connect->second);
      by_name_.erase(connect);
    }
  }
  if (watchers_.empty()) return;
  TreeChange told;
  told.kind = change.kind == Kind::kAdded   ? TreeChange::Kind::kAdded
              : change.kind == Kind::kReady ? TreeChange::Kind::kReady
                                            : TreeChange::Kind::kLost;
  told.info = InfoOf(*change.entry);
  if (change.why != nullptr) told.why = stub::ToAbslStatus(*change.why);
  Tell(told);
}

TreeWatch::Connect* TreeWatch::TakeConnect() {
  if (idle_.size() > kIdleConnects) {
    Connect* const connect = idle_.front();
    idle_.pop_front();
    return connect;
  }
  connects_.push_back(std::make_unique<Connect>());
  return connects_.back().get();
}

DirectoryOptions TreeWatch::Follow(const std::string& first_hop,
                                   DirectoryOptions options) {
  if (options.stats != nullptr || watchers_.empty()) return options;
  Connect*& connect = by_name_[first_hop];
  if (connect == nullptr) {
    connect = TakeConnect();
    connect->owner = this;
    connect->name = first_hop;
    connect->stats = parent::ConnectStats();
    connect->stats.on_phase = &TreeWatch::OnPhase;
    connect->stats.on_phase_owner = connect;
  }
  options.stats = &connect->stats;
  return options;
}

void TreeWatch::OnPhase(void* owner, const char* phase) {
  const auto* const connect = static_cast<Connect*>(owner);
  if (connect->name.empty()) return;
  TreeChange change;
  change.kind = TreeChange::Kind::kPhase;
  change.info.name = connect->name;
  change.phase = phase;
  connect->owner->Tell(change);
}

}  // namespace ramet::server
