#ifndef AGENT_CHILD_IMAGES_H_
#define AGENT_CHILD_IMAGES_H_

#include <string>
#include <string_view>

#include "core/base/id_map.h"
#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "importer/image_fetcher.h"
#include "parent/agent_image.h"

namespace ramet::agent {

// The agents that this context starts children from: its own, and those for
// other platforms, which it fetches from the contexts above when a child needs
// one, and keeps. Borrows the own one and the fetcher. Loop's thread.
class ChildImages final : public parent::AgentImages {
 public:
  ChildImages(const parent::AgentImage& own, importer::ImageFetcher* fetcher)
      : own_(own), fetcher_(fetcher) {}

  const parent::AgentImage& own() const override { return own_; }
  const parent::AgentImage& Guess(std::string_view platform) const override;
  void Find(std::string_view uname, Waiter* waiter) override;
  void Forget(Waiter* waiter) override;

 private:
  struct Fetched {
    core::UniqueFd file;
    parent::AgentImage image;
  };

  const parent::AgentImage* FindHere(std::string_view uname) const;
  void OnFetched(const std::string& uname, std::string_view bytes);

  const parent::AgentImage& own_;
  importer::ImageFetcher* const fetcher_;
  core::IdMap<Fetched> fetched_;      // in the order in which they came
  core::IdMap<std::string> waiting_;  // the uname, by waiter
};

}  // namespace ramet::agent

#endif  // AGENT_CHILD_IMAGES_H_
