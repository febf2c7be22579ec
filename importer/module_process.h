#ifndef IMPORTER_MODULE_PROCESS_H_
#define IMPORTER_MODULE_PROCESS_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/context/context.h"
#include "importer/line_reader.h"
#include "importer/module_store.h"
#include "transports/child_process.h"

namespace ramet::importer {

// The module finds its link at this descriptor (docs/module_protocol.md).
inline constexpr int kModuleLinkFd = 3;

// One running module: a process of its own with a link to this context, from
// its first call until it is not needed any more.
// docs/module_lifecycle.md is the specification.
//
// Ownership: owned by ModuleHost; destroying it kills the process with its
//   process group.
// Threads: the loop's.
class ModuleProcess final : private transports::ChildProcess::Listener {
 public:
  // A line that the module or one of its subprocesses printed.
  using LineCallback =
      std::function<void(bool is_stderr, std::string_view line)>;
  // The process is gone and every frame from it was delivered. May destroy it.
  using EndedCallback = std::function<void(const core::Status& why)>;

  // What a process that was asked to end, and has no calls, has to do so.
  static constexpr int64_t kEndGraceUs = 5'000'000;

  ModuleProcess(core::Context* context, std::shared_ptr<StoredModule> module,
                core::ContextId id, LineCallback on_line,
                EndedCallback on_ended);
  ~ModuleProcess() override;

  // Starts it and says hello; frames may be sent to id() at once. core::Spawn's
  // errors.
  core::Status Start();

  core::ContextId id() const { return id_; }
  const std::shared_ptr<StoredModule>& module() const { return module_; }

  // It has sent something of an answer.
  bool answered() const { return answered_; }
  void OnAnswer() { answered_ = true; }

  // It has one more call, one less. The last one's end begins its idle time.
  void AddCall();
  void DropCall();

  // It gets no new calls: it is ended once those that it has are over.
  void Retire();
  // Retired, or being ended because it was idle.
  bool retired() const { return retired_; }

  // Forwards what it has printed so far, a line without an end included.
  void FlushOutput();

  // The router's link to it was lost; `why` unless the process ended it.
  void OnLinkLost(std::string_view why);

 private:
  void OnExit() override;
  void EndIfComplete();
  void SayHello();
  void EndWhenIdle();
  void AskToEnd();

  core::Context* const context_;
  const std::shared_ptr<StoredModule> module_;
  const core::ContextId id_;
  const LineCallback on_line_;
  const EndedCallback on_ended_;
  transports::ChildProcess process_;
  std::unique_ptr<LineReader> stdout_;
  std::unique_ptr<LineReader> stderr_;
  uint32_t calls_ = 0;
  core::EventLoop::TimerId timer_ = 0;  // of its idle time, or its end's grace
  std::string killed_because_;
  bool answered_ = false;
  bool retired_ = false;
  bool link_lost_ = false;
};

}  // namespace ramet::importer

#endif  // IMPORTER_MODULE_PROCESS_H_
