#ifndef SERVER_CALL_TARGET_H_
#define SERVER_CALL_TARGET_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ramet::server {

// The name of the context that a call through the front door is for: from the
// metadata `ramet-target`, else from `:authority`, where a client that can't
// set metadata puts it, percent-encoded if it must. Canonical, so that one
// context has one name. INVALID_ARGUMENT: neither names a context.
absl::StatusOr<std::string> CallTarget(absl::string_view metadata,
                                       absl::string_view authority,
                                       absl::string_view method);

// The canonical name of `target`; "master" is the master's own.
// INVALID_ARGUMENT: not a target.
absl::StatusOr<std::string> CanonicalTarget(absl::string_view target);

}  // namespace ramet::server

#endif  // SERVER_CALL_TARGET_H_
