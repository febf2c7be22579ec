#ifndef SERVER_EMBEDDED_AGENT_H_
#define SERVER_EMBEDDED_AGENT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"
#include "parent/agent_image.h"

namespace ramet::server {

// The agents that this program carries within itself, as files in memory.
class EmbeddedAgent final : public parent::AgentImages {
 public:
  // UNAVAILABLE or RESOURCE_EXHAUSTED: no memory file can be made here.
  static absl::StatusOr<std::unique_ptr<EmbeddedAgent>> Create();

  const parent::AgentImage& own() const override { return image_; }
  const parent::AgentImage* ForUname(std::string_view uname) const override {
    return uname == image_.uname ? &image_ : nullptr;
  }

 private:
  EmbeddedAgent() = default;

  core::UniqueFd image_fd_;
  core::UniqueFd packed_fd_;
  parent::AgentImage image_;
};

}  // namespace ramet::server

#endif  // SERVER_EMBEDDED_AGENT_H_
