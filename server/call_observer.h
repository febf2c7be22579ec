#ifndef SERVER_CALL_OBSERVER_H_
#define SERVER_CALL_OBSERVER_H_

#include <stdint.h>

#include <string_view>

#include "absl/status/status.h"

namespace ramet::server {

// Sees the calls that a master makes: one OnCallStart, then one OnCallEnd for
// each. Implementations are a few atomic additions; they never block.
// Threads: any, at the same time.
class CallObserver {
 public:
  // What belongs to one call, from its start to its end.
  struct Started {
    void* series = nullptr;  // the observer's
    int64_t start_us = 0;
  };

  virtual ~CallObserver() = default;

  // `method` is "/demo.v1.Greeter/SayHello", or "unknown" for all that no
  // bundle has: clients may make up any number of names.
  virtual Started OnCallStart(std::string_view method) = 0;
  virtual void OnCallEnd(const Started& call, absl::StatusCode code) = 0;
};

}  // namespace ramet::server

#endif  // SERVER_CALL_OBSERVER_H_
