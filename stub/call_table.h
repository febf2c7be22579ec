#ifndef STUB_CALL_TABLE_H_
#define STUB_CALL_TABLE_H_

#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/wire/frame_header.h"
#include "stub/call_port.h"
#include "stub/method_table.h"
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

  struct Options {
    core::ContextId own_id = 0;  // the module's
    // The contexts above the module, whose callers are not foreign.
    std::vector<core::ContextId> ancestor_ids;
    size_t max_message_bytes = core::kDefaultMaxMessageBytes;
  };

  // The methods and the port outlive the table and its calls.
  CallTable(Options options, const MethodTable* methods, CallPort* port)
      : options_(std::move(options)), methods_(methods), port_(port) {}

  // Takes a frame for kCallFunction, and gives the call that it belongs to, and
  // what became of it. Null for a frame that belongs to no call: the rest of
  // one that is over, or one under another authority.
  std::shared_ptr<ServedCall> OnFrame(const core::FrameHeader& header,
                                      std::string_view payload,
                                      ServedCall::Fed* fed);

  // Null: it is over.
  std::shared_ptr<ServedCall> Find(uint64_t key) const;

  // Forgets a call before the end of its answer is written: the caller may use
  // the same handle again as soon as it has that. False: it was forgotten
  // before.
  bool Remove(const ServedCall& call);

  size_t size() const { return calls_.size(); }

 private:
  // `refused`: it has its answer.
  std::shared_ptr<ServedCall> Open(const core::FrameHeader& header,
                                   std::string_view first_part, bool* refused);
  bool IsForeign(core::ContextId caller) const;

  const Options options_;
  const MethodTable* const methods_;
  CallPort* const port_;
  std::unordered_map<uint64_t, std::shared_ptr<ServedCall>> calls_;
  std::string path_;  // scratch of Open()
};

}  // namespace ramet::stub

#endif  // STUB_CALL_TABLE_H_
