#ifndef STUB_CALL_CHAIN_H_
#define STUB_CALL_CHAIN_H_

#include <stdint.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "stub/call_options.h"
#include "stub/channel.h"

namespace ramet::stub {

// Unary calls to one module that run there one after the other, in the order in
// which they are made, and stop at the first that fails: the calls behind it
// fail with its status, and do not run. They are sent at once, so that any
// number of them costs one round trip.
//
//   CallChain chain;
//   auto made = files.StartMakeDirectory(directory, chain.Options());
//   auto written = files.StartWrite(file, chain.Options());
//   auto started = units.StartStart(unit, chain.Options());
//   if (!started.Wait().ok()) ... chain.status() is what went wrong first
//
// It goes to modules, from programs with a master, from clients of a front door
// and from modules. UNIMPLEMENTED: services of a master, and channels that do
// not keep order. ABORTED: calls of the chain were lost, or went to different
// modules.
//
// Copies are the same chain. Threads: any; calls of several threads come in
// the order in which they happen to be made.
class CallChain {
 public:
  CallChain();

  // For calls that belong to the chain; `options` are theirs otherwise.
  CallOptions Options(CallOptions options = {}) const;

  // OK, or how the first call since the last Reset() that is known to have
  // failed did: calls that are made now fail with it, without being sent.
  absl::Status status() const;
  // Lets calls that are made from now on run again, behind those made before.
  void Reset();

 private:
  const std::shared_ptr<ChainState> state_;
};

// What the calls of a chain share. For generated code. Threads: any.
class ChainState {
 public:
  explicit ChainState(uint64_t id) : id_(id) {}

  absl::Status status() const;
  void Reset();

  // Makes a call of the chain; in `options`, it is this one.
  void StartUnary(Channel* channel, std::string method, std::string request,
                  CallOptions options, Channel::DoneCallback done);

 private:
  // The calls between two resets.
  struct Epoch {
    uint64_t next_index = 0;
    uint64_t known_ok = 0;
    std::set<uint64_t> ok_beyond;  // known_ok
    absl::Status failure;
    uint64_t failed_index = 0;
  };

  // The status that the call is told.
  absl::Status OnOutcome(Epoch* epoch, const ChainPosition& position,
                         const absl::Status& status);

  const uint64_t id_;
  std::mutex order_mutex_;    // while a call is started, so that none overtakes
  mutable std::mutex mutex_;  // for everything below
  uint32_t epoch_number_ = 0;
  uint64_t next_sequence_ = 0;
  uint64_t settled_ = 0;
  std::set<uint64_t> settled_beyond_;  // settled_
  std::shared_ptr<Epoch> epoch_ = std::make_shared<Epoch>();
};

}  // namespace ramet::stub

#endif  // STUB_CALL_CHAIN_H_
