#ifndef IMPORTER_DISK_CACHE_H_
#define IMPORTER_DISK_CACHE_H_

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
// Trust: the directory must be this user's and nobody else's (0700), and is
//   never a symbolic link, nor is a file; whoever reads must still hold the
//   bytes against the digest. A file appears whole or not at all.
// Errors: whatever goes wrong, a file is just not there. The first time is
//   logged.
// Threads: the loop's; a file is read and written in one go.
class DiskCache {
 public:
  using Log = std::function<void(std::string_view line)>;

  // Uses `directory` from now on, making it, but not what it is in, unless it
  // is there.
  void Open(std::string directory, Log log);

  // False: there is none, or it can't be read.
  bool Read(std::string_view digest, std::string* bytes) const;
  void Write(std::string_view digest, std::string_view bytes);

 private:
  void LogOnce(const char* step, int error);

  core::UniqueFd directory_;
  std::string path_;
  Log log_;
};

}  // namespace ramet::importer

#endif  // IMPORTER_DISK_CACHE_H_
