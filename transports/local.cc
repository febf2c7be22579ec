#include "transports/local.h"

#include "core/base/subprocess.h"
#include "transports/process_stream.h"

namespace ramet::transports {

std::unique_ptr<core::ByteStream> StartLocalAgent(
    core::EventLoop* loop, const parent::AgentImage& image) {
  core::SpawnOptions options;
  // The agent overwrites this with its own title; it gives the title room.
  options.argv = {"ramet: a local context that has not said hello yet"};
  options.image_fd = image.image_fd;
  // As the first stage leaves them: the link, the executable, its packed form.
  options.fds = {-1, -1, -1, image.image_fd, image.packed_fd};
  return std::make_unique<ProcessStream>(loop, "the local agent",
                                         std::move(options));
}

}  // namespace ramet::transports
