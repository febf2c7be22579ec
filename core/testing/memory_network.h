#ifndef CORE_TESTING_MEMORY_NETWORK_H_
#define CORE_TESTING_MEMORY_NETWORK_H_

#include <stddef.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/base/status.h"
#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"

namespace ramet::core {

// One direction of a pair of streams in memory, and what a test may do to it.
// Everything may be changed at any time.
struct MemoryPipe {
  // Sees each piece as it is written, before it travels; may change it, or
  // empty it to drop it.
  std::function<void(std::string* piece)> hook;
  // Bytes that travel before the writer is told to wait.
  size_t capacity = 1024 * 1024;
  // The most that one Read gives.
  size_t max_read = 1024 * 1024;
  // How the reader's stream ends when the writer's is destroyed: OK for an
  // end of stream, anything else for a failure.
  Status end_status;

  size_t writes = 0;  // calls of Write that took something
  std::string bytes;  // on their way, behind those that were read
  size_t read_bytes = 0;
  size_t size() const { return bytes.size() - read_bytes; }
  bool closed = false;
};

// Streams in memory on one event loop. They keep ByteStream's contract: events
// are level-triggered and come from the loop, the end comes after all data, and
// a listener may destroy its stream from within a callback.
class MemoryNetwork {
 public:
  explicit MemoryNetwork(EventLoop* loop);
  ~MemoryNetwork();

  struct Pair {
    std::unique_ptr<ByteStream> a;
    std::unique_ptr<ByteStream> b;
    std::shared_ptr<MemoryPipe> a_to_b;
    std::shared_ptr<MemoryPipe> b_to_a;
  };
  // Streams may outlive the network, silently.
  Pair MakePair();

  // Tells the ends that a pipe was changed by the test.
  void Wake();

  // Runs the loop's turns until nothing is on its way that anybody wants.
  void Settle();

  struct State;

 private:
  const std::shared_ptr<State> state_;
};

}  // namespace ramet::core

#endif  // CORE_TESTING_MEMORY_NETWORK_H_
