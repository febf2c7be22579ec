#include "tools/bundle/files.h"

#include <errno.h>
#include <stdio.h>

#include <memory>

#include "core/base/status.h"

namespace ramet::bundle {
namespace {

struct FileCloser {
  void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, FileCloser>;

absl::Status ErrnoStatus(const std::string& path, int error) {
  const std::string text = core::ErrnoText(path, error);
  return error == ENOENT ? absl::NotFoundError(text)
                         : absl::UnavailableError(text);
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  File file(fopen(path.c_str(), "rbe"));
  if (file == nullptr) return ErrnoStatus(path, errno);
  std::string bytes;
  char buffer[65536];
  size_t count;
  while ((count = fread(buffer, 1, sizeof buffer, file.get())) > 0) {
    bytes.append(buffer, count);
  }
  if (ferror(file.get())) return ErrnoStatus(path, errno);
  return bytes;
}

absl::Status WriteFile(const std::string& path, std::string_view bytes) {
  File file(fopen(path.c_str(), "wbe"));
  if (file == nullptr) return ErrnoStatus(path, errno);
  if (fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() ||
      fflush(file.get()) != 0) {
    return ErrnoStatus(path, errno);
  }
  return absl::OkStatus();
}

}  // namespace ramet::bundle
