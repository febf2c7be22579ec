#include "stub/service_call.h"

namespace ramet::stub {

absl::Status NotImplemented(const char* what) {
  return absl::UnimplementedError(std::string(what) + " is not implemented");
}

absl::Status EndOfStream(const absl::Status& failure, absl::Status returned) {
  return failure.ok() ? returned : failure;
}

}  // namespace ramet::stub
