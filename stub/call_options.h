#ifndef STUB_CALL_OPTIONS_H_
#define STUB_CALL_OPTIONS_H_

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace ramet::stub {

// How one call is made. A value type.
struct CallOptions {
  // The call fails with DEADLINE_EXCEEDED when it is not over by then; of the
  // two the earlier counts. By default there is no limit.
  absl::Duration timeout = absl::InfiniteDuration();  // from the call's start
  absl::Time deadline = absl::InfiniteFuture();

  // Pairs for the method, as gRPC has them: keys are lower case, values of
  // keys that end in "-bin" may be any bytes.
  std::vector<std::pair<std::string, std::string>> metadata;

  // The earlier of both limits, as time that remains at `now`; negative when
  // it has passed.
  absl::Duration Remaining(absl::Time now) const {
    return std::min(timeout, deadline - now);
  }
};

}  // namespace ramet::stub

#endif  // STUB_CALL_OPTIONS_H_
