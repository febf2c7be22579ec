#ifndef TRANSPORTS_LOCAL_H_
#define TRANSPORTS_LOCAL_H_

#include <memory>

#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "parent/agent_image.h"

namespace ramet::transports {

// Starts the agent on this machine, straight from its image in memory: no
// shell, no file. The stream is the agent's standard input and output; closing
// it kills the agent. Errors show as the stream's (core/base/subprocess.h).
std::unique_ptr<core::ByteStream> StartLocalAgent(
    core::EventLoop* loop, const parent::AgentImage& image);

}  // namespace ramet::transports

#endif  // TRANSPORTS_LOCAL_H_
