#include "server/ssh/known_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/sha256.h"
#include "core/base/unique_fd.h"
#include "server/ssh/host_pattern.h"

namespace ramet::server {
namespace {

constexpr uint16_t kSshPort = 22;

absl::string_view ToAbsl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

// "web1" of "[web1]:2222"; empty when the name has no port.
std::string WithoutPort(const std::string& name) {
  const size_t end = name.rfind("]:");
  if (name.empty() || name[0] != '[' || end == std::string::npos) return "";
  return name.substr(1, end - 1);
}

bool EndsInNewline(int fd) {
  const off_t size = lseek(fd, 0, SEEK_END);
  char last = '\n';
  if (size > 0 && pread(fd, &last, 1, size - 1) != 1) return true;
  return last == '\n';
}

}  // namespace

std::string KeyType(std::string_view key) {
  if (key.size() < 4) return std::string();
  uint32_t size = 0;
  for (int i = 0; i < 4; ++i) {
    size = size << 8 | static_cast<unsigned char>(key[i]);
  }
  if (size > key.size() - 4) return std::string();
  return std::string(key.substr(4, size));
}

std::string KeyFingerprint(std::string_view key) {
  std::string text = absl::Base64Escape(core::Sha256Digest(key));
  while (!text.empty() && text.back() == '=') text.pop_back();
  return "SHA256:" + text;
}

std::string KnownHosts::HostName(const std::string& host, uint16_t port) {
  const std::string name = absl::AsciiStrToLower(host);
  return port == kSshPort ? name : absl::StrCat("[", name, "]:", port);
}

bool KnownHosts::ParseLine(std::string_view text, Line* line) {
  std::vector<absl::string_view> fields =
      absl::StrSplit(ToAbsl(text), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  size_t first = 0;
  if (fields.empty() || fields[0][0] == '#') return false;
  if (fields[0][0] == '@') {
    first = 1;
    if (fields[0] == "@revoked") {
      line->marker = Marker::kRevoked;
    } else if (fields[0] == "@cert-authority") {
      line->marker = Marker::kAuthority;
    } else {
      return false;
    }
  }
  if (fields.size() < first + 3) return false;
  line->hosts = std::string(fields[first]);
  line->key_type = std::string(fields[first + 1]);
  return absl::Base64Unescape(fields[first + 2], &line->key) &&
         KeyType(line->key) == line->key_type;
}

void KnownHosts::AddFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  AddText(path, text.str());
}

void KnownHosts::AddText(const std::string& path, std::string_view text) {
  files_.push_back(path);
  int number = 0;
  for (absl::string_view line_text : absl::StrSplit(ToAbsl(text), '\n')) {
    ++number;
    Line line;
    if (!ParseLine(std::string_view(line_text.data(), line_text.size()),
                   &line)) {
      continue;
    }
    line.file = files_.size() - 1;
    line.number = number;
    lines_.push_back(std::move(line));
  }
}

KnownHosts::Finding KnownHosts::Check(const std::string& name,
                                      std::string_view key) const {
  Finding finding;
  const auto decide = [this, &finding](Result result, const Line& line) {
    finding.result = result;
    finding.file = files_[line.file];
    finding.line = line.number;
    finding.key_type = line.key_type;
  };
  for (const Line& line : lines_) {
    if (line.marker == Marker::kAuthority ||
        !MatchesHostField(line.hosts, name)) {
      continue;
    }
    if (line.marker == Marker::kRevoked) {
      if (line.key != key) continue;
      decide(Result::kRevoked, line);
      return finding;
    }
    if (line.key == key) {
      decide(Result::kMatch, line);
    } else if (finding.result != Result::kMatch) {
      decide(Result::kChanged, line);
    }
  }
  // As ssh does: a key known without the port is good for any port.
  const std::string bare = WithoutPort(name);
  if (finding.result == Result::kUnknown && !bare.empty()) {
    const Finding other = Check(bare, key);
    if (other.result == Result::kMatch || other.result == Result::kRevoked) {
      return other;
    }
  }
  return finding;
}

std::vector<std::string> KnownHosts::KeyTypes(const std::string& name) const {
  std::vector<std::string> types;
  for (const Line& line : lines_) {
    if (line.marker == Marker::kNone && MatchesHostField(line.hosts, name) &&
        std::find(types.begin(), types.end(), line.key_type) == types.end()) {
      types.push_back(line.key_type);
    }
  }
  const std::string bare = WithoutPort(name);
  if (types.empty() && !bare.empty()) return KeyTypes(bare);
  return types;
}

bool KnownHosts::HasAuthority(const std::string& name) const {
  return std::any_of(lines_.begin(), lines_.end(), [&name](const Line& line) {
    return line.marker == Marker::kAuthority &&
           MatchesHostField(line.hosts, name);
  });
}

core::Status KnownHosts::Append(const std::string& path,
                                const std::string& name, std::string_view key,
                                bool hash) {
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    mkdir(path.substr(0, slash).c_str(), 0700);
  }
  const auto failed = [&path] {
    return core::Status(
        core::Code::kUnavailable,
        core::ErrnoText("cannot add the host key to " + path, errno));
  };
  core::UniqueFd fd(
      open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return failed();
  const std::string line = absl::StrCat(
      EndsInNewline(fd.get()) ? "" : "\n", hash ? HashedHostField(name) : name,
      " ", KeyType(key), " ", absl::Base64Escape(ToAbsl(key)), "\n");
  errno = ENOSPC;  // what a short write means
  if (write(fd.get(), line.data(), line.size()) !=
      static_cast<ssize_t>(line.size())) {
    return failed();
  }
  return core::Status();
}

}  // namespace ramet::server
