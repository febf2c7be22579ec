#ifndef CLIENTS_CLI_JSON_CALL_H_
#define CLIENTS_CLI_JSON_CALL_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "clients/cli/json_method.h"
#include "stub/call_options.h"
#include "stub/context.h"

namespace ramet::cli {

// Calls `path` ("/SERVICE/METHOD"), of any kind, and prints each reply on
// standard output as it comes. Main thread; blocks until the call is over.
//
// `text`: the request as JSON, several one behind the other for a method that
// takes a stream; "-" reads them from standard input, and sends each as soon as
// it is whole. Absent: "{}", or no request at all for a stream.
//
// INVALID_ARGUMENT: bad JSON; INTERNAL: a method that answers once did not;
// UNAVAILABLE: standard output is closed; else the call's status.
absl::Status RunJsonCall(const stub::Context& context, const std::string& path,
                         std::shared_ptr<JsonMethod> method,
                         const absl::optional<std::string>& text,
                         const stub::CallOptions& options);

}  // namespace ramet::cli

#endif  // CLIENTS_CLI_JSON_CALL_H_
