#ifndef STUB_CALL_START_H_
#define STUB_CALL_START_H_

#include <stddef.h>

#include "absl/status/status.h"
#include "stub/call_options.h"
#include "stub/context.h"

namespace ramet::stub {

// What every form of a call checks before it begins. FAILED_PRECONDITION: the
// context is not connected; INVALID_ARGUMENT: the metadata.
absl::Status CheckStart(const Context& context, const char* method,
                        const CallOptions& options);

// The same for a call that may stream; INVALID_ARGUMENT also: it is for a
// chain.
absl::Status CheckStreamStart(const Context& context, const char* method,
                              const CallOptions& options);

// RESOURCE_EXHAUSTED, with both numbers; `what` is "request" or "reply".
absl::Status TooLong(const char* what, size_t bytes, size_t limit_bytes);

}  // namespace ramet::stub

#endif  // STUB_CALL_START_H_
