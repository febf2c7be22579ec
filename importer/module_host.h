#ifndef IMPORTER_MODULE_HOST_H_
#define IMPORTER_MODULE_HOST_H_

#include <stdint.h>

#include <memory>
#include <string_view>

#include "core/base/id_map.h"
#include "core/base/status.h"
#include "core/context/context.h"
#include "importer/held_calls.h"
#include "importer/module_calls.h"
#include "importer/module_process.h"
#include "importer/module_store.h"

namespace ramet::importer {

// Answers the calls to a context's modules: starts a module's process at the
// first call, passes the frames of calls between caller and module, and speaks
// for the module towards the caller, who knows only the context. What modules
// call themselves is ModuleCalls'.
//
// Trust: the caller's authority is held against the method's policy before the
//   module sees anything; a module's frame reaches a caller only as the answer
//   to a call of that caller which this module has.
// Threads: the loop's.
class ModuleHost {
 public:
  // Calls that a context has at work at once; more are RESOURCE_EXHAUSTED.
  static constexpr size_t kMaxActiveCalls = 16 * 1024;
  // The part of them that contexts below or beside this one may have, so that
  // none of them can keep the ancestors out.
  static constexpr size_t kMaxForeignCalls = 4 * 1024;

  // Processes at once, those included that end with their last call.
  static constexpr size_t kMaxProcesses = 128;
  // A module that has crashed is started again at once by the next call; one
  // that goes on crashing before it has answered anything, not before a time
  // that doubles up to the largest. Calls until then are UNAVAILABLE.
  static constexpr int64_t kFirstBackOffUs = 250'000;
  static constexpr int64_t kMaxBackOffUs = 30'000'000;

  ModuleHost(core::Context* context, ModuleStore* store);
  ~ModuleHost();

  // A frame to CALL_FUNCTION of a service that is not built in.
  void OnCallFrame(core::Link* from, const core::FrameHeader& header,
                   std::string_view payload);

  // A module may have become ready, or have turned out not to be: calls that
  // were held for one begin anew.
  void RetryHeld();

  // From now on calls are refused, UNAVAILABLE; those at work go on.
  void RefuseCalls() { refusing_ = true; }

  // Processes of modules that the store has replaced or dropped get no new
  // calls, and end with their last one.
  void RetireReplaced();

 private:
  struct ActiveCall {
    ModuleProcess* process;
    core::FrameHeader header;  // the call's first frame's
    bool foreign;              // the caller is neither self nor an ancestor
  };

  void BeginCall(const core::FrameHeader& header, std::string_view payload);
  core::Status Authorize(const StoredModule& module,
                         const core::FrameHeader& header,
                         std::string_view service, std::string_view method);
  // A call of, or on the authority of, somebody who is neither this context nor
  // above it.
  bool IsForeign(const core::FrameHeader& header) const;
  core::Status EnsureRunning(const std::shared_ptr<StoredModule>& module,
                             ModuleProcess** process, bool* later);
  void Forward(const ModuleProcess& process, const core::FrameHeader& header,
               std::string_view payload);
  void EndCall(uint64_t key);
  // Cancels what `caller`, which is lost, has begun and left.
  void CancelCallsOf(core::ContextId caller);
  void OnModuleFrame(core::Link* from, const core::FrameHeader& header,
                     std::string_view payload);
  void OnLinkLost(core::Link* link, const core::Status& why);
  void OnEnded(core::ContextId id, const core::Status& why);
  // Notes when a module that has crashed may be started again.
  void BackOff(const ModuleProcess& crashed, const core::Status& why);

  core::Context* const context_;
  ModuleStore* const store_;
  core::IdMap<ModuleProcess> running_;  // by the module's id
  core::IdMap<ActiveCall> calls_;
  HeldCalls held_;
  ModuleCalls calls_out_;
  size_t foreign_calls_ = 0;  // of calls_
  uint64_t refused_frames_ = 0;
  bool refusing_ = false;
};

}  // namespace ramet::importer

#endif  // IMPORTER_MODULE_HOST_H_
