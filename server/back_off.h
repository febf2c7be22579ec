#ifndef SERVER_BACK_OFF_H_
#define SERVER_BACK_OFF_H_

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/time/time.h"

namespace ramet::server {

// Pauses between attempts to connect, as gRPC makes them
// (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md), only
// shorter at first: what a tree waits for is often just being started.
class BackOff {
 public:
  static constexpr absl::Duration kFirst = absl::Milliseconds(250);
  static constexpr double kFactor = 1.6;
  static constexpr absl::Duration kLongest = absl::Seconds(30);
  // Each pause is up to this part longer or shorter, so that those who wait for
  // the same do not all come at once.
  static constexpr double kJitter = 0.2;

  // `random`: from 0 to 1.
  explicit BackOff(std::function<double()> random)
      : random_(std::move(random)) {}

  absl::Duration Next() {
    const absl::Duration pause = next_ * (1 + kJitter * (2 * random_() - 1));
    next_ = std::min(next_ * kFactor, kLongest);
    return pause;
  }

 private:
  const std::function<double()> random_;
  absl::Duration next_ = kFirst;
};

}  // namespace ramet::server

#endif  // SERVER_BACK_OFF_H_
