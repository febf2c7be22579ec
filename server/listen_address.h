#ifndef SERVER_LISTEN_ADDRESS_H_
#define SERVER_LISTEN_ADDRESS_H_

#include <stdint.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ramet::server {

// Where a front door listens. A value.
struct ListenAddress {
  enum class Kind { kUnix, kTcp };
  Kind kind = Kind::kUnix;
  std::string path;   // kUnix
  std::string host;   // kTcp: a name or address, an IPv6 one without brackets
  uint16_t port = 0;  // kTcp; 0: any that is free

  // "unix:PATH" or "tcp:HOST:PORT"; what ParseListenAddress takes.
  std::string ToString() const;
};

// INVALID_ARGUMENT: neither, or a part is missing.
absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text);

// "HOST:PORT", with brackets around an IPv6 address. INVALID_ARGUMENT.
absl::StatusOr<ListenAddress> ParseHostPort(absl::string_view text);

}  // namespace ramet::server

#endif  // SERVER_LISTEN_ADDRESS_H_
