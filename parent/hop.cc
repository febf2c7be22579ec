#include "parent/hop.h"

#include "core/base/strings.h"

namespace ramet::parent {
namespace {

core::Status Invalid(std::string_view text, const char* why) {
  return core::Error(core::Code::kInvalidArgument,
                     {"bad target: \"", text.substr(0, 200), "\": ", why});
}

// Printable ASCII but what a shell, an ssh_config or a target gives a meaning.
bool IsPlain(std::string_view text) {
  for (char c : text) {
    if (c <= ' ' || c >= 127) return false;
    if (std::string_view("'\"`\\$;&|<>(){}[]*?!#/").find(c) !=
        std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool ParsePort(std::string_view text, uint16_t* port) {
  if (text.empty() || text.size() > 5) return false;
  uint32_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  if (value == 0 || value > 65535) return false;
  *port = static_cast<uint16_t>(value);
  return true;
}

core::Status ParseSsh(std::string_view text, std::string_view rest, Hop* hop) {
  hop->kind = Hop::Kind::kSsh;
  const size_t at = rest.rfind('@');
  if (at != std::string_view::npos) {
    hop->user.assign(rest.substr(0, at));
    rest.remove_prefix(at + 1);
    if (hop->user.empty()) return Invalid(text, "empty user before \"@\"");
  }
  std::string_view port;
  bool has_port = false;
  if (!rest.empty() && rest[0] == '[') {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) return Invalid(text, "missing \"]\"");
    hop->host.assign(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
    if (!rest.empty()) {
      if (rest[0] != ':')
        return Invalid(text, "expected \":port\" after \"]\"");
      has_port = true;
      port = rest.substr(1);
    }
  } else {
    const size_t colon = rest.find(':');
    has_port = colon != std::string_view::npos;
    hop->host.assign(rest.substr(0, colon));
    if (has_port) port = rest.substr(colon + 1);
    if (has_port && port.find(':') != std::string_view::npos) {
      return Invalid(text, "an IPv6 address goes in brackets: ssh:[::1]:22");
    }
  }
  if (hop->host.empty()) {
    return Invalid(text, "expected ssh:[user@]host[:port]");
  }
  if (has_port && !ParsePort(port, &hop->port)) {
    return Invalid(text, "the port must be 1 to 65535");
  }
  if (hop->host[0] == '-' || (!hop->user.empty() && hop->user[0] == '-')) {
    return Invalid(text, "a host or user can't begin with \"-\"");
  }
  if (!IsPlain(hop->host) || !IsPlain(hop->user)) {
    return Invalid(text, "a character that host and user names don't have");
  }
  return core::Status();
}

}  // namespace

std::string Hop::ToString() const {
  if (kind == Kind::kLocal) return "local:" + host;
  const bool brackets = host.find(':') != std::string::npos;
  std::string text =
      core::Concat({"ssh:", user, user.empty() ? "" : "@", brackets ? "[" : "",
                    host, brackets ? "]" : ""});
  if (port != 0) core::Append(&text, {":", port});
  return text;
}

core::Status ParseHop(std::string_view text, Hop* hop) {
  *hop = Hop();
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return Invalid(text, "expected local:[label] or ssh:[user@]host[:port]");
  }
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  if (scheme == "local") {
    hop->host.assign(rest);
    if (rest.find_first_of(":@") != std::string_view::npos || !IsPlain(rest)) {
      return Invalid(text, "a character that labels don't have");
    }
    return core::Status();
  }
  if (scheme == "ssh") return ParseSsh(text, rest, hop);
  return Invalid(text, "unknown transport; there are local: and ssh:");
}

core::Status ParseTarget(std::string_view target, std::vector<Hop>* hops) {
  hops->clear();
  if (target.empty()) return Invalid(target, "empty");
  if (target.size() > kMaxTargetBytes) return Invalid(target, "too long");
  for (;;) {
    const size_t slash = target.find('/');
    Hop hop;
    core::Status status = ParseHop(target.substr(0, slash), &hop);
    if (!status.ok()) return status;
    hops->push_back(std::move(hop));
    if (hops->size() > kMaxHops) return Invalid(target, "too many hops");
    if (slash == std::string_view::npos) return core::Status();
    target.remove_prefix(slash + 1);
  }
}

}  // namespace ramet::parent
