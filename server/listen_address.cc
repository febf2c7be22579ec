#include "server/listen_address.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace ramet::server {
namespace {

absl::Status Bad(absl::string_view text, absl::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat("bad address \"", text, "\": expected ", wanted));
}

}  // namespace

std::string ListenAddress::ToString() const {
  if (kind == Kind::kUnix) return absl::StrCat("unix:", path);
  const bool ipv6 = host.find(':') != host.npos;
  return absl::StrCat("tcp:", ipv6 ? "[" : "", host, ipv6 ? "]" : "", ":",
                      port);
}

absl::StatusOr<ListenAddress> ParseHostPort(absl::string_view text) {
  constexpr char kWanted[] = "HOST:PORT";
  ListenAddress address;
  address.kind = ListenAddress::Kind::kTcp;
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return Bad(text, kWanted);
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]")) return Bad(text, kWanted);
  } else if (host.find(':') != host.npos) {
    return Bad(text, "HOST:PORT, with an IPv6 address in brackets");
  }
  const absl::string_view port = text.substr(colon + 1);
  uint32_t number = 0;
  const bool digits =
      !port.empty() && std::all_of(port.begin(), port.end(),
                                   [](char c) { return c >= '0' && c <= '9'; });
  if (host.empty() || !digits || !absl::SimpleAtoi(port, &number) ||
      number > 65535) {
    return Bad(text, kWanted);
  }
  address.host = std::string(host);
  address.port = static_cast<uint16_t>(number);
  return address;
}

absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text) {
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "tcp:")) {
    absl::StatusOr<ListenAddress> address = ParseHostPort(rest);
    if (!address.ok()) return Bad(text, "tcp:HOST:PORT");
    return address;
  }
  if (!absl::ConsumePrefix(&rest, "unix:") || rest.empty()) {
    return Bad(text, "unix:PATH or tcp:HOST:PORT");
  }
  ListenAddress address;
  address.path = std::string(rest);
  return address;
}

}  // namespace ramet::server
