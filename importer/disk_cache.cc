#include "importer/disk_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/strings.h"
#include "importer/image_limits.h"
#include "parent/agent_image.h"

namespace ramet::importer {
namespace {

std::string FileName(std::string_view digest) { return core::Hex(digest); }

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes.remove_prefix(count);
  }
  return true;
}

}  // namespace

void DiskCache::Open(std::string directory, Log log) {
  log_ = std::move(log);
  path_ = std::move(directory);
  (void)mkdir(path_.c_str(), 0700);
  directory_.Reset(
      open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info;
  if (!directory_.valid() || fstat(directory_.get(), &info) != 0) {
    return LogOnce("open", errno);
  }
  if (info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
    directory_.Reset(-1);
    LogOnce("its owner or mode", EPERM);
  }
}

bool DiskCache::Read(std::string_view digest, std::string* bytes) const {
  if (!directory_.valid()) return false;
  const core::UniqueFd file(
      openat(directory_.get(), FileName(digest).c_str(),
             O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info;
  return file.valid() && fstat(file.get(), &info) == 0 &&
         S_ISREG(info.st_mode) && info.st_size <= kMaxImageBytes &&
         parent::ReadImage(file.get(), bytes).ok();
}

void DiskCache::Write(std::string_view digest, std::string_view bytes) {
  if (!directory_.valid()) return;
  const std::string name = FileName(digest);
  const std::string unfinished = core::Concat({name, ".", getpid()});
  const int directory = directory_.get();
  (void)unlinkat(directory, unfinished.c_str(), 0);
  core::UniqueFd file(openat(directory, unfinished.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.valid() && WriteAll(file.get(), bytes) &&
      renameat(directory, unfinished.c_str(), directory, name.c_str()) == 0) {
    return;
  }
  const int error = errno;
  (void)unlinkat(directory, unfinished.c_str(), 0);
  LogOnce("write", error);
}

void DiskCache::LogOnce(const char* step, int error) {
  Log log;
  log.swap(log_);
  if (log) {
    log(core::ErrnoText(
        core::Concat({"images are not kept in ", path_, ": ", step}), error));
  }
}

}  // namespace ramet::importer
