#ifndef PARENT_TRANSPORT_H_
#define PARENT_TRANSPORT_H_

#include <memory>
#include <string>

#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "core/wire/control.h"
#include "parent/connect_stats.h"
#include "parent/hop.h"

namespace ramet::parent {

// What a transport needs to reach one host.
struct OpenRequest {
  Hop hop;
  core::SshOptions ssh;
  // Run by the remote user's login shell; its stdio is the stream.
  std::string command;
  // May be null; outlives the stream otherwise.
  ConnectStats* stats = nullptr;
};

// Opens streams to commands on other hosts. One implementation per kind of
// hop and tier: the master has libssh2, every other context the ssh binary.
//
// Errors are the stream's: Read gives -EPROTO and status() says what failed
// and why, with the code that DESIGN's table of errors wants. The text has no
// "where": the caller adds hop and phase().
class Transport {
 public:
  virtual ~Transport() = default;
  // Never null, never blocks; `loop` outlives the stream.
  virtual std::unique_ptr<core::ByteStream> Open(
      core::EventLoop* loop, const OpenRequest& request) = 0;
};

}  // namespace ramet::parent

#endif  // PARENT_TRANSPORT_H_
