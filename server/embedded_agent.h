#ifndef SERVER_EMBEDDED_AGENT_H_
#define SERVER_EMBEDDED_AGENT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"
#include "parent/agent_image.h"
#include "server/first_flight.h"

namespace ramet::server {

// The agents that this program carries within itself, as files in memory.
class EmbeddedAgent final : public parent::AgentImages {
 public:
  // UNAVAILABLE or RESOURCE_EXHAUSTED: no memory file can be made here.
  static absl::StatusOr<std::unique_ptr<EmbeddedAgent>> Create();

  const parent::AgentImage& own() const override { return images_[0]; }
  const parent::AgentImage& Guess(std::string_view platform) const override;
  void Find(std::string_view uname, Waiter* waiter) override;
  void TrimForAnother(std::string* frames) const override {
    TakeImagesOut(frames);
  }
  void Forget(Waiter*) override {}

  // All there are; the own one is the first. Only that has an image_fd.
  const std::vector<parent::AgentImage>& images() const { return images_; }

  // What Find would give, as bytes. Empty: there is none.
  std::string PackedBytes(std::string_view uname) const;

 private:
  EmbeddedAgent() = default;

  std::vector<core::UniqueFd> files_;
  std::vector<parent::AgentImage> images_;
};

}  // namespace ramet::server

#endif  // SERVER_EMBEDDED_AGENT_H_
