#ifndef PARENT_CHILD_STARTER_H_
#define PARENT_CHILD_STARTER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/base/id_map.h"
#include "core/base/status.h"
#include "core/context/context.h"
#include "core/wire/control.h"
#include "parent/agent_image.h"
#include "parent/connect_stats.h"
#include "parent/hop.h"
#include "parent/transport.h"

namespace ramet::parent {

// Starts the children of a context and ends them: transport, first stage,
// hello, routes. The same code in the master and in every agent.
//
// Ownership: borrows everything it is given, for its whole life.
// Threads: the loop's.
class ChildStarter {
 public:
  // Name, cache directory and locks together: a hello is one frame, and its
  // numbers need some KB where a tree is very deep.
  static constexpr size_t kMaxHelloTextBytes = 56 * 1024;

  // Starts the agent of a local child: returns the stream to it.
  using LocalStarter = std::function<std::unique_ptr<core::ByteStream>(
      core::EventLoop* loop, const AgentImage& image)>;

  ChildStarter(core::Context* context, AgentImages* images, LocalStarter local,
               Transport* ssh);
  ~ChildStarter();
  ChildStarter(const ChildStarter&) = delete;
  ChildStarter& operator=(const ChildStarter&) = delete;

  // The child has an id and frames may be sent to it, though whether it will
  // ever live is not known yet.
  using LinkedCallback = std::function<void(core::ContextId id)>;
  // Once, at the end: OK and the child's hello, or why there is no child. The
  // message says what, where (hop and phase) and why; nothing is left behind.
  using DoneCallback = std::function<void(const core::Status& status,
                                          const core::StartChildReply& reply)>;

  // `request.hop` is parsed here; INVALID_ARGUMENT when it is no hop.
  // `request.timeout_ms` (0: kDefaultConnectTimeoutMs) bounds everything:
  // DEADLINE_EXCEEDED names the phase that took too long. `stats` may be null;
  // it outlives the child.
  void Start(const core::StartChildRequest& request, ConnectStats* stats,
             LinkedCallback linked, DoneCallback done);

  // Ends a child and its subtree. NOT_FOUND: no such child.
  core::Status Stop(core::ContextId id);

  // Lets a child go: it and its subtree live on without this context, and can't
  // be reached any more. Whoever waits for somebody there learns that it was
  // detached. `done` runs once, with OK when the child is gone; else, beside
  // what it says itself, NOT_FOUND: no such child; FAILED_PRECONDITION: it is
  // being started or let go; UNAVAILABLE: it was lost.
  using DetachedCallback = std::function<void(const core::Status& status)>;
  void Detach(core::ContextId id, DetachedCallback done);

  // Hello.image_cache_bytes of all children to come.
  void set_image_cache_bytes(uint32_t bytes) { image_cache_bytes_ = bytes; }

  // Hello.module_locks of all children to come, before the request's own. With
  // any, a request's ssh.config_file is not read, for it could name programs,
  // and `cache_dir`, this context's own, is used in place of the request's, for
  // what is written elsewhere could become one.
  void SetLocks(std::string locks, std::string cache_dir) {
    locks_ = std::move(locks);
    cache_dir_ = std::move(cache_dir);
  }
  const std::string& locks() const { return locks_; }

  static constexpr uint32_t kDefaultConnectTimeoutMs = 30'000;

 private:
  struct Starting;
  class Detaching;

  void StartWithId(std::unique_ptr<Starting> starting, core::ContextId id,
                   uint32_t grant_count);
  std::unique_ptr<core::ByteStream> OpenStream(Starting* starting);
  void OnHelloReply(core::Link* from, const core::FrameHeader& header,
                    std::string_view payload);
  core::Status ExplainLoss(const core::Link* link,
                           const core::Status& why) const;
  void OnRouteLost(core::ContextId id, const core::Status& why);
  void OnTimeout(core::ContextId id);
  // The link of a child; null: there is none.
  core::Link* FindChild(core::ContextId id) const;
  void Finish(core::ContextId id, const core::Status& status,
              const core::HelloReply& hello);

  core::Context* const context_;
  AgentImages* const images_;
  const LocalStarter local_;
  Transport* const ssh_;
  uint32_t image_cache_bytes_ = 0;
  std::string locks_;
  std::string cache_dir_;
  core::IdMap<Starting> starting_;
  core::IdMap<Detaching> detaching_;
};

}  // namespace ramet::parent

#endif  // PARENT_CHILD_STARTER_H_
