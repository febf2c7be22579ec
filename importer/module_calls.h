#ifndef IMPORTER_MODULE_CALLS_H_
#define IMPORTER_MODULE_CALLS_H_

#include <stdint.h>

#include <memory>
#include <string_view>

#include "core/base/id_map.h"
#include "core/context/context.h"

namespace ramet::importer {

// The calls that a context's modules make, to any context.
//
// Trust: a call leaves in the context's name, because answers must find their
//   way back, and on the module's own authority, never on the context's: so it
//   does what is for anybody, and in this context what is for SELF. Its answer
//   comes to a handle of the context, which is bound to who was called.
// Loss: a call ends with its module, and with who was called.
// Threads: the loop's.
class ModuleCalls {
 public:
  // Calls that one module has out at once; more are RESOURCE_EXHAUSTED. A
  // quarter of what any context takes from beside and below, so that one module
  // does not use that up.
  static constexpr uint32_t kMaxCalls = 1024;

  explicit ModuleCalls(core::Context* context);
  ~ModuleCalls();

  // A frame to CALL_FUNCTION with a reply_to, from the module at `link`.
  void OnFrame(core::Link* link, const core::FrameHeader& header,
               std::string_view payload);

  // Cancels what a module that is gone has out. Before its route's end is told.
  void CancelAllOf(core::ContextId module);

  size_t size() const { return calls_.size(); }

 private:
  class Call;
  // Null: the frame begins no call.
  Call* Begin(core::Link* link, const core::FrameHeader& header,
              std::string_view payload);
  size_t CallsOf(core::ContextId module) const;

  core::Context* const context_;
  core::IdMap<Call> calls_;  // by module and its handle
};

}  // namespace ramet::importer

#endif  // IMPORTER_MODULE_CALLS_H_
