#ifndef IMPORTER_DISK_CACHE_H_
#define IMPORTER_DISK_CACHE_H_

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/unique_fd.h"

namespace ramet::importer {

// Images in a directory of this machine's, which outlive the context: a file
// for each, named by its digest in hexadecimal. Other contexts may use the same
// directory at the same time.
//
// Bounded: whoever has written a file removes those that were not used for the
//   longest time, until the limits are kept. What is not named like a file of
//   the cache is left alone.
// Trust: the directory must be this user's and nobody else's (0700), and is
//   never a symbolic link, nor is a file; whoever reads must still hold the
//   bytes against the digest. A file appears whole or not at all.
// Errors: whatever goes wrong, a file is just not there. The first time is
//   logged.
// Threads: the loop's; a file is read and written in one go.
class DiskCache {
 public:
  // Of all files together: far above what most targets are ever given, a small
  // part of what a home directory may have.
  static constexpr uint64_t kDefaultMaxBytes = uint64_t{256} << 20;
  // Each is looked at whenever one is written.
  static constexpr size_t kMaxFiles = 1024;
  // A file that was not finished for so long has no writer any more: they are
  // written in one go.
  static constexpr int64_t kMaxUnfinishedAgeS = 3600;

  using Log = std::function<void(std::string_view line)>;

  // Uses `directory` from now on, making it, but not what it is in, unless it
  // is there.
  void Open(std::string directory, Log log);

  void set_max_bytes(uint64_t bytes) { max_bytes_ = bytes; }

  // False: there is none, or it can't be read.
  bool Read(std::string_view digest, std::string* bytes) const;
  void Write(std::string_view digest, std::string_view bytes);

 private:
  // Removes what is too much, but not `kept`.
  void MakeRoom(std::string_view kept);
  void LogOnce(const char* step, int error);

  core::UniqueFd directory_;
  std::string path_;
  uint64_t max_bytes_ = kDefaultMaxBytes;
  Log log_;
};

}  // namespace ramet::importer

#endif  // IMPORTER_DISK_CACHE_H_
