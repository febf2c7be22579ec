#include "agent/own_image.h"

#include <fcntl.h>
#include <unistd.h>

#include "parent/platform.h"

namespace ramet::agent {
namespace {

// Descriptors of the link's, of modules' and of children's programs begin at 0:
// everything of our own lives above.
constexpr int kFirstOwnFd = 5;

core::UniqueFd MoveUp(int fd) {
  const int moved = fcntl(fd, F_DUPFD_CLOEXEC, kFirstOwnFd);
  if (moved >= 0) close(fd);
  return core::UniqueFd(moved);
}

}  // namespace

OwnImage::OwnImage()
    : image_fd_(MoveUp(kImageFd)), packed_fd_(MoveUp(kPackedFd)) {
  const parent::Platform platform = parent::ThisPlatform();
  image_.platform = platform.name;
  image_.uname = platform.uname;
  image_.image_fd = image_fd_.get();
  image_.packed_fd = packed_fd_.get();
}

}  // namespace ramet::agent
