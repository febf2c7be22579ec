#ifndef STUB_CALL_ORIGIN_H_
#define STUB_CALL_ORIGIN_H_

#include <memory>
#include <vector>

#include "core/wire/frame_header.h"
#include "stub/call_tie.h"
#include "stub/channel.h"

namespace ramet::stub {

// Where a method's own calls start: what CallContext needs of the runtime that
// serves its call.
//
// Threads: any. Lives for as long as the process.
class CallOrigin {
 public:
  virtual ~CallOrigin() = default;

  // A channel to the context `id`, whether there is one or not. Its calls end
  // with `tie`, unless that is null.
  virtual std::shared_ptr<Channel> ChannelTo(core::ContextId id,
                                             std::shared_ptr<CallTie> tie) = 0;
  // The context that the method runs in, its parent, and so on to the master.
  virtual const std::vector<core::ContextId>& path() const = 0;
};

}  // namespace ramet::stub

#endif  // STUB_CALL_ORIGIN_H_
