#ifndef STUB_REPLY_SENDER_H_
#define STUB_REPLY_SENDER_H_

#include <stddef.h>

#include <string>

#include "absl/status/status.h"
#include "core/wire/frame_header.h"
#include "stub/frame_writer.h"

namespace ramet::stub {

// Answers calls on a module's link. Threads: any.
class ReplySender {
 public:
  // `own_id` is the module's. The writer outlives the sender.
  ReplySender(FrameWriter* writer, core::ContextId own_id,
              size_t max_message_bytes)
      : writer_(writer),
        own_id_(own_id),
        max_message_bytes_(max_message_bytes) {}

  // Sends `reply` and OK, or `status` alone, with its details
  // (kStatusDetailsUrl). A reply above the limit becomes
  // RESOURCE_EXHAUSTED with both numbers. Blocks until the kernel has all of
  // it; false: the peer is gone.
  bool Send(core::ContextId caller_id, core::HandleId reply_to,
            const absl::Status& status, const std::string& reply);

 private:
  FrameWriter* const writer_;
  const core::ContextId own_id_;
  const size_t max_message_bytes_;
};

}  // namespace ramet::stub

#endif  // STUB_REPLY_SENDER_H_
