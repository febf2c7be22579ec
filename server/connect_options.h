#ifndef SERVER_CONNECT_OPTIONS_H_
#define SERVER_CONNECT_OPTIONS_H_

#include <stdint.h>

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "core/wire/control.h"
#include "parent/connect_stats.h"

namespace ramet::server {

// How a context that does not run yet is connected.
struct ConnectOptions {
  core::SshOptions ssh;
  // Where each context on the way keeps images of modules, for the next
  // connect: a directory there, relative to where its agent starts (after a
  // login, the user's home). Empty: nowhere.
  std::string cache_dir;
  // What may be in it; 0: 256 (importer::DiskCache).
  uint32_t cache_mib = 0;
  // What the context's machine is ("linux-aarch64"), unless this master has
  // seen it to be something else than its parent's. What is wrong costs a round
  // trip, and images that are of no use. Empty: what its parent is.
  std::string platform;
  // Of the whole way, every hop included.
  absl::Duration timeout = absl::Seconds(30);
  // Filled in for the first hop, by the time the connect is over; optional. The
  // master keeps it for as long as it lives.
  std::shared_ptr<parent::ConnectStats> stats;
};

}  // namespace ramet::server

#endif  // SERVER_CONNECT_OPTIONS_H_
