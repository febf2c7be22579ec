#ifndef SERVER_SSH_HOST_PATTERN_H_
#define SERVER_SSH_HOST_PATTERN_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ramet::server {

// Whether the first field of a known_hosts line names the host `name`: a list
// of patterns with "*", "?" and "!", or "|1|salt|hash".
bool MatchesHostField(absl::string_view field, const std::string& name);

// The field that names `name` without showing it: "|1|salt|hash".
std::string HashedHostField(const std::string& name);

}  // namespace ramet::server

#endif  // SERVER_SSH_HOST_PATTERN_H_
