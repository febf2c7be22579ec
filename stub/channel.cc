#include "stub/channel.h"

#include <utility>

#include "stub/one_shot_event.h"

namespace ramet::stub {

absl::StatusOr<std::string> Channel::CallUnary(std::string method,
                                               std::string request,
                                               const CallOptions& options) {
  struct Waiter {
    OneShotEvent over;
    absl::StatusOr<std::string> result;
  } waiter;
  StartUnary(std::move(method), std::move(request), options,
             [&waiter](absl::StatusOr<std::string> result) {
               waiter.result = std::move(result);
               waiter.over.Set();
             });
  waiter.over.Wait();
  return std::move(waiter.result);
}

}  // namespace ramet::stub
