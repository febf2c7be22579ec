#ifndef STUB_SERVICE_OPTIONS_H_
#define STUB_SERVICE_OPTIONS_H_

#include <stddef.h>

#include <map>
#include <optional>
#include <string>

#include "stub/service.h"

namespace ramet::stub {

// What whoever starts a service says about it, in place of its .proto. What is
// not set stays as it is there.
struct ServiceOptions {
  std::optional<size_t> max_concurrent_calls;  // 0: no limit
  std::optional<size_t> max_queued_calls;
  std::optional<size_t> max_message_bytes;  // 0: the module's, or the master's
  // By the method's name: "Format".
  std::map<std::string, Concurrency> methods;
};

}  // namespace ramet::stub

#endif  // STUB_SERVICE_OPTIONS_H_
