#ifndef AGENT_AGENT_H_
#define AGENT_AGENT_H_

#include <memory>
#include <string>

#include "agent/agent_service.h"
#include "agent/child_images.h"
#include "agent/detached_process.h"
#include "agent/own_image.h"
#include "core/base/unique_fd.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "importer/image_cache.h"
#include "importer/image_fetcher.h"
#include "importer/module_courier.h"
#include "importer/module_host.h"
#include "importer/module_store.h"
#include "parent/child_starter.h"
#include "transports/descendants.h"
#include "transports/openssh.h"

namespace ramet::agent {

// The composition root of the program on the target: a context that knows no
// more than its parent's link, and ends with it, or, once it is detached, with
// its last module and child.
class Agent final : private importer::ModuleCourier::Local {
 public:
  // Takes the descriptors of the parent's link over.
  Agent(core::UniqueFd from_parent, core::UniqueFd to_parent);
  ~Agent() override;

  // Until the parent's link is lost or the parent says so; once it is detached,
  // until nothing is left below it, or SIGTERM.
  void Run();

 private:
  void OnHello(core::Link* from, const core::FrameHeader& header,
               std::string_view payload);
  void OnTick(bool quiet);
  // Gives memory back that is kept for traffic.
  void TrimMemory();
  void OnNotice(const core::ModuleNotice& notice) override;
  void OnImage(std::string_view digest, const core::Status& status) override;
  void OnAsked(const core::ModuleNotice& notice) override;
  void OnDetaching(core::Link* from, const core::FrameHeader& header);
  void OnLinkLost();
  // Asks modules and children to end, and leaves when they have, or when
  // `grace_ms` are over.
  void BeginShutdown(uint32_t grace_ms);
  // Ends the link to the parent, if there is one, and the loop.
  void Leave();

  core::EventLoop loop_;
  OwnImage own_image_;
  ChildImages child_images_;  // streams of the context use it
  core::Context context_;
  transports::OpensshTransport ssh_;
  parent::ChildStarter children_;
  AgentService service_;
  importer::ImageCache images_;
  importer::ModuleCourier courier_;
  importer::ImageFetcher fetcher_;
  importer::ModuleStore modules_;
  importer::ModuleHost module_host_;
  transports::OrphanReaper orphans_;
  DetachedProcess detached_process_;
  bool shutting_down_ = false;
  bool detached_ = false;
};

}  // namespace ramet::agent

#endif  // AGENT_AGENT_H_
