#include "stub/service_call.h"

namespace ramet::stub {

absl::Status NotImplemented(const char* what) {
  return absl::UnimplementedError(std::string(what) + " is not implemented");
}

}  // namespace ramet::stub
