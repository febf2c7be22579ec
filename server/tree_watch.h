#ifndef SERVER_TREE_WATCH_H_
#define SERVER_TREE_WATCH_H_

#include <stdint.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "parent/connect_stats.h"
#include "server/context_directory.h"
#include "server/context_info.h"

namespace ramet::server {

// Tells watchers what happens to the contexts of a directory, and in which
// phase the connects of the master's children are.
//
// Ownership: outlives the core::Context, whose streams write into what `Follow`
//   gives them. Threads: the loop's.
class TreeWatch {
 public:
  using Watcher = std::function<void(const TreeChange& change)>;

  TreeWatch() = default;
  ~TreeWatch();
  TreeWatch(const TreeWatch&) = delete;
  TreeWatch& operator=(const TreeWatch&) = delete;

  // `watcher` must not call back. The result is for Remove.
  uint64_t Add(Watcher watcher);
  void Remove(uint64_t watch);

  // For the directory's watcher.
  void OnChange(const ContextDirectory::Change& change);

  // The options with figures that tell the phases of `first_hop`, unless the
  // caller gave figures of its own or nobody watches.
  DirectoryOptions Follow(const std::string& first_hop,
                          DirectoryOptions options);

 private:
  struct Connect {
    TreeWatch* owner = nullptr;
    std::string name;
    parent::ConnectStats stats;
  };

  static void OnPhase(void* connect, const char* phase);
  void Tell(const TreeChange& change);
  Connect* TakeConnect();

  std::map<uint64_t, Watcher> watchers_;
  uint64_t last_watch_ = 0;
  // A stream may write its figures until it is gone, a little after its context
  // is; so they are never freed, but used again.
  std::vector<std::unique_ptr<Connect>> connects_;
  std::map<std::string, Connect*> by_name_;
  std::deque<Connect*> idle_;  // the longest idle first
};

// What a directory's entry says of a context.
ContextInfo InfoOf(const ContextDirectory::Entry& entry);

}  // namespace ramet::server

#endif  // SERVER_TREE_WATCH_H_
