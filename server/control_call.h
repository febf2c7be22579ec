#ifndef SERVER_CONTROL_CALL_H_
#define SERVER_CONTROL_CALL_H_

#include <stdint.h>

#include <string_view>

#include "core/base/status.h"
#include "core/context/context.h"
#include "server/unary_listener.h"

namespace ramet::server {

// Calls a method of the built-in service ramet.control.Agent of `target`, with
// a serialized request. `done` runs once, on the loop: with `limit` when there
// is no answer after `limit_us`.
void CallAgent(core::Context* context, core::ContextId target,
               const char* method, std::string_view request, int64_t limit_us,
               core::Status limit, UnaryListener::Done done);

}  // namespace ramet::server

#endif  // SERVER_CONTROL_CALL_H_
