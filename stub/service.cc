#include "stub/service.h"

namespace ramet::stub {

absl::Status Service::RametStream(size_t method, const CallContext& context,
                                  ServerStream* stream) {
  return absl::UnimplementedError(context.method() + " is not implemented");
}

}  // namespace ramet::stub
