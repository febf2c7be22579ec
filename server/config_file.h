#ifndef SERVER_CONFIG_FILE_H_
#define SERVER_CONFIG_FILE_H_

#include <google/protobuf/message.h>
#include <stddef.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ramet::server {

// A file of the user's, whole. `kind` is for texts: "clients file". NOT_FOUND,
// PERMISSION_DENIED, UNAVAILABLE: what the system says; INVALID_ARGUMENT: it
// has more than `max_bytes`.
absl::StatusOr<std::string> ReadConfigFile(const std::string& kind,
                                           const std::string& path,
                                           size_t max_bytes);

// Protobuf's text format. INVALID_ARGUMENT, with line and column.
absl::Status ParseConfig(const std::string& kind, const std::string& origin,
                         const std::string& text,
                         google::protobuf::Message* message);

}  // namespace ramet::server

#endif  // SERVER_CONFIG_FILE_H_
