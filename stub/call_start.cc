#include "stub/call_start.h"

#include <string>

namespace ramet::stub {

absl::Status CheckStart(const Context& context, const char* method,
                        const CallOptions& options) {
  if (context.channel() == nullptr) {
    return absl::FailedPreconditionError(
        std::string(method) +
        ": the stub was made from a context that is not connected");
  }
  if (options.metadata.empty()) return absl::OkStatus();
  return CheckMetadata(options.metadata);
}

absl::Status CheckStreamStart(const Context& context, const char* method,
                              const CallOptions& options) {
  if (options.chain != nullptr) {
    return absl::InvalidArgumentError(std::string(method) +
                                      ": chains are of unary calls");
  }
  return CheckStart(context, method, options);
}

absl::Status TooLong(const char* what, size_t bytes, size_t limit_bytes) {
  return absl::ResourceExhaustedError(std::string(what) + " of " +
                                      std::to_string(bytes) +
                                      " bytes is longer than the limit of " +
                                      std::to_string(limit_bytes) + " bytes");
}

}  // namespace ramet::stub
