#include "parent/agent_image.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

// Since Linux 6.3 an executable memory file wants to be asked for; older
// kernels refuse the flag.
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace ramet::parent {

core::Status ReadImage(int fd, std::string* bytes) {
  // pread(2) goes by no position, so nobody minds where this leaves it.
  const off_t size = lseek(fd, 0, SEEK_END);
  if (size < 0) {
    return core::Status(core::Code::kInternal,
                        core::ErrnoText("cannot size an image", errno));
  }
  bytes->resize(size);
  size_t done = 0;
  while (done < bytes->size()) {
    const ssize_t count =
        pread(fd, bytes->data() + done, bytes->size() - done, done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return core::Status(core::Code::kInternal,
                          core::ErrnoText("cannot read an image", errno));
    }
    done += count;
  }
  return core::Status();
}

core::Status MakeMemoryFile(const char* name, std::string_view bytes, int* fd) {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int file = memfd_create(name, kFlags | MFD_EXEC);
  if (file < 0 && errno == EINVAL) file = memfd_create(name, kFlags);
  if (file < 0) {
    return core::Status(
        core::Code::kUnavailable,
        core::ErrnoText("cannot make a file in memory (memfd_create)", errno));
  }
  while (!bytes.empty()) {
    const ssize_t count = write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      close(file);
      return core::Status(
          core::Code::kResourceExhausted,
          core::ErrnoText("cannot fill a file in memory", error));
    }
    bytes.remove_prefix(count);
  }
  *fd = file;
  return core::Status();
}

}  // namespace ramet::parent
