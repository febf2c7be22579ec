#ifndef SERVER_TREE_HUB_H_
#define SERVER_TREE_HUB_H_

#include <stdint.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/context_info.h"
#include "server/open_streams.h"

namespace ramet::server {

// Whether `name` is `below`, or a context below it. "" is above all.
bool IsAtOrBelow(const std::string& name, const std::string& below);

// A copy of the tree for the front door, and queues of what happens to it for
// readers that may be slow: the loop only appends to them.
//
// Threads: any.
class TreeHub {
 public:
  // Changes that wait for one reader; about 300 bytes each. One that is further
  // behind gets the tree anew instead.
  static constexpr size_t kMaxQueuedChanges = 1024;
  // Contexts in one part of the tree; some 200 KiB, of a message's 4 MiB.
  static constexpr size_t kMaxSnapshotPart = 1000;

  // The tree, part by part in the order of names, then what happens.
  struct SnapshotPart {
    std::vector<ContextInfo> contexts;
    bool more = false;
  };
  using News = std::variant<SnapshotPart, TreeChange>;

  // One reader's view. Ends when it is destroyed.
  class Subscription {
   public:
    // The next piece, or nothing until the reader is woken.
    std::optional<News> TakeNext();
    // Whom to wake; once.
    void SetReader(std::weak_ptr<OpenStream> reader);

   private:
    friend class TreeHub;
    Subscription(TreeHub* hub, std::string below)
        : hub_(hub), below_(std::move(below)) {}

    // Under the hub's lock.
    void Push(const TreeChange& change);

    TreeHub* const hub_;
    const std::string below_;
    std::weak_ptr<OpenStream> reader_;
    std::deque<TreeChange> queue_;
    bool snapshot_over_ = false;
    std::string cursor_;  // the last name that the snapshot has had
    bool started_ = false;
  };

  explicit TreeHub(OpenStreams* streams) : streams_(streams) {}

  // From Master::WatchTree, on the loop.
  void OnChange(const TreeChange& change);

  // Called after each change, on the loop, with the context's name; set before
  // the first one.
  void SetObserver(std::function<void(const std::string& name)> observer) {
    observer_ = std::move(observer);
  }

  // The subscription must go before the hub.
  std::shared_ptr<Subscription> Subscribe(const std::string& below);

  std::optional<ContextInfo> Find(const std::string& name) const;
  struct Counts {
    int ready = 0;
    int connecting = 0;
  };
  Counts Count() const;

 private:
  OpenStreams* const streams_;
  std::function<void(const std::string& name)> observer_;
  mutable absl::Mutex mutex_;
  std::map<std::string, ContextInfo> contexts_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<Subscription>> subscriptions_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace ramet::server

#endif  // SERVER_TREE_HUB_H_
