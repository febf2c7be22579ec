#ifndef AGENT_AGENT_SERVICE_H_
#define AGENT_AGENT_SERVICE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/context/context.h"
#include "core/wire/call_parts.h"
#include "parent/child_starter.h"

namespace ramet::agent {

// ramet.control.Agent, the service that every context has built in: its
// ancestors start and stop children through it. Threads: the loop's.
class AgentService {
 public:
  static constexpr std::string_view kName = "ramet.control.Agent";
  // Requests that may be incomplete at once; only ancestors can send any.
  static constexpr size_t kMaxPending = 1024;

  AgentService(core::Context* context, parent::ChildStarter* children);
  ~AgentService();

  // A frame to CALL_FUNCTION; true if it belongs to a call of this service.
  bool OnCallFrame(const core::FrameHeader& header, std::string_view payload);

 private:
  class Call;
  using Key = std::pair<core::ContextId, core::HandleId>;

  void Run(const Call& call);
  void Answer(const core::FrameHeader& request, const core::Status& status,
              std::string_view reply);

  core::Context* const context_;
  parent::ChildStarter* const children_;
  std::map<Key, std::unique_ptr<Call>> calls_;
};

}  // namespace ramet::agent

#endif  // AGENT_AGENT_SERVICE_H_
