#ifndef AGENT_DETACHED_PROCESS_H_
#define AGENT_DETACHED_PROCESS_H_

#include <functional>
#include <string>

#include "core/base/unique_fd.h"
#include "core/loop/event_loop.h"

namespace ramet::agent {

// Makes this process independent of whoever started it: no standard error to
// write to, a session of its own, SIGHUP without effect, and a name that tells
// its ancestors to spare it (transports/descendants.h).
//
// Threads: the loop's. Lives as long as the loop.
class DetachedProcess final : private core::IoHandler {
 public:
  ~DetachedProcess() override = default;

  // Once, for the context called `name`. `on_terminate` runs for each SIGTERM
  // from now on, which does not end the process any more.
  void Begin(core::EventLoop* loop, const std::string& name,
             std::function<void()> on_terminate);

 private:
  void OnReady(uint32_t events) override;

  core::UniqueFd signals_;
  std::function<void()> on_terminate_;
};

}  // namespace ramet::agent

#endif  // AGENT_DETACHED_PROCESS_H_
