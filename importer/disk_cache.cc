#include "importer/disk_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/sha256.h"
#include "core/base/strings.h"
#include "importer/image_limits.h"
#include "parent/agent_image.h"

namespace ramet::importer {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

std::string FileName(std::string_view digest) { return core::Hex(digest); }

// "DIGEST", or "DIGEST.PID" while it is `*unfinished`.
bool IsFileName(std::string_view name, bool* unfinished) {
  constexpr size_t kDigits = 2 * core::kSha256Bytes;
  *unfinished = name.size() > kDigits + 1 && name[kDigits] == '.';
  if (*unfinished) {
    if (name.find_first_not_of("0123456789", kDigits + 1) != name.npos) {
      return false;
    }
    name = name.substr(0, kDigits);
  }
  return name.size() == kDigits &&
         name.find_first_not_of(kHexDigits) == name.npos;
}

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
  if (!file.valid() || fstat(file.get(), &info) != 0 ||
      !S_ISREG(info.st_mode) || info.st_size > kMaxImageBytes) {
    return false;
  }
  // It is used now. Not futimens(), which brings along what old kernels need.
  (void)syscall(SYS_utimensat, file.get(), nullptr, nullptr, 0);
  return parent::ReadImage(file.get(), bytes).ok();
}

void DiskCache::Write(std::string_view digest, std::string_view bytes) {
  if (!directory_.valid() || bytes.size() > max_bytes_) return;
  const std::string name = FileName(digest);
  const std::string unfinished = core::Concat({name, ".", getpid()});
  const int directory = directory_.get();
  (void)unlinkat(directory, unfinished.c_str(), 0);
  core::UniqueFd file(openat(directory, unfinished.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.valid() && WriteAll(file.get(), bytes) &&
      renameat(directory, unfinished.c_str(), directory, name.c_str()) == 0) {
    return MakeRoom(name);
  }
  const int error = errno;
  (void)unlinkat(directory, unfinished.c_str(), 0);
  LogOnce("write", error);
}

void DiskCache::MakeRoom(std::string_view kept) {
  const int directory = directory_.get();
  std::string oldest;
  do {
    uint64_t bytes = 0;
    size_t files = 0;
    int64_t oldest_ns = INT64_MAX;
    oldest.clear();
    lseek(directory, 0, SEEK_SET);
    alignas(dirent) char entries[4096];
    ssize_t end;
    while ((end = syscall(SYS_getdents64, directory, entries, sizeof entries)) >
           0) {
      for (ssize_t at = 0; at < end;) {
        const dirent& entry = *reinterpret_cast<const dirent*>(entries + at);
        at += entry.d_reclen;
        const std::string_view name = entry.d_name;
        bool unfinished;
        struct stat info;
        if (!IsFileName(name, &unfinished) ||
            fstatat(directory, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(info.st_mode)) {
          continue;
        }
        if (unfinished &&
            info.st_mtim.tv_sec + kMaxUnfinishedAgeS < time(nullptr)) {
          (void)unlinkat(directory, entry.d_name, 0);
          continue;
        }
        ++files;
        bytes += info.st_size;
        const int64_t used_ns =
            info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
        if (!unfinished && name != kept && used_ns < oldest_ns) {
          oldest_ns = used_ns;
          oldest.assign(name);
        }
      }
    }
    if (bytes <= max_bytes_ && files <= kMaxFiles) return;
    // When it can't be removed: perhaps somebody else has, who goes on.
  } while (!oldest.empty() && unlinkat(directory, oldest.c_str(), 0) == 0);
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
