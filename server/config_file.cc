#include "server/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <string.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "core/base/unique_fd.h"

namespace ramet::server {
namespace {

// The first error of a text, with its place.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!text_.empty()) return;
    // Both are counted from 0; an error of the whole has line -1.
    text_ = line < 0 ? message
                     : absl::StrCat("line ", line + 1, ", column ", column + 1,
                                    ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

absl::StatusOr<std::string> ReadConfigFile(const std::string& kind,
                                           const std::string& path,
                                           size_t max_bytes) {
  const core::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const int error = errno;
  if (!file.valid()) {
    const std::string text =
        absl::StrCat("cannot open ", kind, " ", path, ": ", strerror(error));
    if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(text);
    if (error == EACCES) return absl::PermissionDeniedError(text);
    return absl::UnavailableError(text);
  }
  std::string bytes(max_bytes + 1, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        read(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot read ", kind, " ", path, ": ", strerror(errno)));
    }
    if (count == 0) break;
    done += count;
  }
  if (done > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(kind, " ", path, " has more than ", max_bytes, " bytes"));
  }
  bytes.resize(done);
  return bytes;
}

absl::Status ParseConfig(const std::string& kind, const std::string& origin,
                         const std::string& text,
                         google::protobuf::Message* message) {
  google::protobuf::TextFormat::Parser parser;
  FirstError error;
  parser.RecordErrorsTo(&error);
  if (parser.ParseFromString(text, message)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(kind, " ", origin, ": ", error.text()));
}

}  // namespace ramet::server
