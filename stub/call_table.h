#ifndef STUB_CALL_TABLE_H_
#define STUB_CALL_TABLE_H_

#include <stddef.h>

#include <memory>
#include <string_view>
#include <unordered_map>

#include "core/wire/frame_header.h"
#include "stub/served_call.h"

namespace ramet::stub {

// The calls that a module has not answered yet, by what identifies one: its
// caller and the handle that the caller waits on.
//
// Not thread-safe: whoever holds the runtime's lock uses it.
class CallTable {
 public:
  // A peer that opens more calls at once gets RESOURCE_EXHAUSTED for them.
  static constexpr size_t kMaxOpenCalls = 16 * 1024;

  explicit CallTable(size_t max_message_bytes)
      : max_message_bytes_(max_message_bytes) {}

  // Takes a frame for kCallFunction. Gives the call that became whole by it,
  // at most once for each; null otherwise. Frames that belong to no call (the
  // rest of one that was refused) are dropped.
  ServedCall* OnFrame(const core::FrameHeader& header,
                      std::string_view payload);

  // Forgets a call, which its thread is about to answer: the caller may use
  // the same handle again as soon as it has the answer.
  std::unique_ptr<ServedCall> Remove(const ServedCall& call);

  size_t size() const { return calls_.size(); }

 private:
  ServedCall* Open(const core::FrameHeader& header);

  const size_t max_message_bytes_;
  std::unordered_map<uint64_t, std::unique_ptr<ServedCall>> calls_;
};

}  // namespace ramet::stub

#endif  // STUB_CALL_TABLE_H_
