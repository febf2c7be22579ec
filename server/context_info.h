#ifndef SERVER_CONTEXT_INFO_H_
#define SERVER_CONTEXT_INFO_H_

#include <stdint.h>

#include <string>

#include "absl/status/status.h"
#include "core/wire/control.h"

namespace ramet::server {

// What a master knows of one of its contexts.
struct ContextInfo {
  std::string name;    // also its target: "ssh:bastion/ssh:web1"
  std::string parent;  // its parent's name; empty for the master's children
  uint32_t id = 0;
  bool ready = false;  // false while it is being connected
  core::HelloReply hello;
};

// Something that happened to a context.
struct TreeChange {
  enum class Kind {
    kAdded,  // somebody has asked for it
    kPhase,  // its connect has entered `phase`; children of the master only
    kReady,
    kLost,  // it is gone, or could not be connected; `why` says which
  };
  Kind kind = Kind::kAdded;
  ContextInfo info;
  std::string phase;  // docs/bootstrap.md, "Phases"
  absl::Status why;
};

}  // namespace ramet::server

#endif  // SERVER_CONTEXT_INFO_H_
