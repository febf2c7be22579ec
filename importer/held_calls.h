#ifndef IMPORTER_HELD_CALLS_H_
#define IMPORTER_HELD_CALLS_H_

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/id_map.h"
#include "core/context/context.h"
#include "core/wire/frame_header.h"

namespace ramet::importer {

// Calls that wait for a module: for its announcement, or for its image. Bounded
// in number and bytes; who is not above this context may have a quarter. A call
// leaves when it is released, cancelled, past its deadline, or when its caller
// is lost. Threads: the loop's.
class HeldCalls {
 public:
  static constexpr size_t kMaxCalls = 1024;
  static constexpr size_t kMaxBytes = 16 * 1024 * 1024;

  explicit HeldCalls(core::Context* context) : context_(context) {}
  ~HeldCalls() { Drop(0, core::kUnknownId); }

  // Takes a frame of a call that is held, or of one that shall be. What there
  // is no room for is answered, RESOURCE_EXHAUSTED.
  void Hold(const core::FrameHeader& header, std::string_view payload);
  bool Holds(const core::FrameHeader& header) const {
    return Find(core::CallKey(header.src_id, header.reply_to)) != nullptr;
  }

  // Gives back all frames, calls in the order in which they came; `begin` may
  // hold them again.
  using FrameHandler = std::function<void(const core::FrameHeader& header,
                                          std::string_view payload)>;
  void Release(const FrameHandler& begin);

  // `caller` is lost.
  void DropCallsOf(core::ContextId caller) { Drop(0, caller); }

 private:
  struct Call {
    core::FrameHeader first;
    bool foreign;
    int64_t deadline_us;  // 0: none
    core::EventLoop::TimerId timer;
    std::string frames;  // as they would travel
  };

  Call* Find(uint64_t key) const;
  // Forgets the call with `key`, or, if that is 0, all of `caller`'s; all there
  // are if that is kUnknownId.
  void Drop(uint64_t key, core::ContextId caller);

  core::Context* const context_;
  core::IdMap<Call> calls_;  // in the order in which they came
  uint64_t last_call_ = 0;
  int64_t deadline_us_ = 0;  // of the call that is being given back
};

}  // namespace ramet::importer

#endif  // IMPORTER_HELD_CALLS_H_
