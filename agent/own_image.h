#ifndef AGENT_OWN_IMAGE_H_
#define AGENT_OWN_IMAGE_H_

#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "parent/agent_image.h"

namespace ramet::agent {

// The image that this agent was started from, as its parent or the unpacker
// left it on descriptors 3 and 4; it starts this agent's own children.
class OwnImage final {
 public:
  static constexpr int kImageFd = 3;
  static constexpr int kPackedFd = 4;

  // Takes the two descriptors over.
  OwnImage();

  const parent::AgentImage& image() const { return image_; }

 private:
  core::UniqueFd image_fd_;
  core::UniqueFd packed_fd_;
  parent::AgentImage image_;
};

}  // namespace ramet::agent

#endif  // AGENT_OWN_IMAGE_H_
