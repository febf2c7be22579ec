#ifndef AGENT_AGENT_SERVICE_H_
#define AGENT_AGENT_SERVICE_H_

#include <string_view>

#include "core/base/id_map.h"
#include "core/context/context.h"
#include "core/wire/control.h"
#include "parent/child_starter.h"

namespace ramet::agent {

// ramet.control.Agent, the service that every context has built in: its
// ancestors start and stop children through it. A request is one frame; what
// an ancestor can ask for is far smaller. Threads: the loop's.
class AgentService {
 public:
  static constexpr std::string_view kName = "ramet.control.Agent";

  AgentService(core::Context* context, parent::ChildStarter* children)
      : context_(context), children_(children) {}

  // A frame to CALL_FUNCTION; true if it was a call of this service.
  bool OnCallFrame(const core::FrameHeader& header, std::string_view payload);

 private:
  // A child that a caller still waits for.
  struct StartingChild {
    core::ContextId id = 0;  // 0: it has none yet
    bool given_up = false;
  };

  void StartChild(const core::FrameHeader& header,
                  const core::StartChildRequest& request);
  void GiveUp(StartingChild* starting);
  void Run(const core::FrameHeader& header, std::string_view method,
           std::string_view request);
  void Answer(const core::FrameHeader& request, const core::Status& status,
              std::string_view reply);

  core::Context* const context_;
  parent::ChildStarter* const children_;
  core::IdMap<StartingChild> starting_;  // by core::CallKey
};

}  // namespace ramet::agent

#endif  // AGENT_AGENT_SERVICE_H_
