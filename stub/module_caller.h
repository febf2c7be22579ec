#ifndef STUB_MODULE_CALLER_H_
#define STUB_MODULE_CALLER_H_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/wire/frame_header.h"
#include "stub/call_options.h"
#include "stub/call_origin.h"
#include "stub/deadline_queue.h"
#include "stub/frame_writer.h"
#include "stub/module_call.h"

namespace ramet::stub {

// The calls that a module makes: starts them, finds the one that an answer is
// for, keeps their deadlines.
//
// It has no thread of its own. The runtime feeds it with what it reads, and
// waits for its two descriptors along with the link: listeners are told on
// whichever thread that wakes, by Deliver().
//
// Threads: any. Its lock may be taken under the runtime's.
class ModuleCaller final : public CallOrigin, private ModuleCall::Host {
 public:
  // `writer` is the link's, and outlives it.
  explicit ModuleCaller(FrameWriter* writer);

  // What the hello says; before any call. `path` is not empty.
  void SetPlace(core::ContextId own_id, std::vector<core::ContextId> path);

  // A frame to a dynamic handle; on the thread with the reader's role. Frames
  // for calls that are over are dropped. True: Deliver() has something to do.
  bool OnFrame(const core::FrameHeader& header, std::string_view payload);
  // Tells listeners; without any lock.
  void Deliver();

  // Readable when a deadline may have passed, or listeners are to be told; then
  // OnTimer() or OnWake(), without any lock.
  int timer_fd() const { return deadlines_.fd(); }
  int wake_fd() const { return wake_fd_.get(); }
  void OnTimer();
  void OnWake();

  // Starts a call to `target`; `request` is not null for a unary one.
  std::shared_ptr<ModuleCall> Start(core::ContextId target, std::string method,
                                    const CallOptions& options,
                                    std::shared_ptr<CallTie> tie,
                                    const std::string* request,
                                    std::shared_ptr<RawCallListener> listener);

  std::shared_ptr<Channel> ChannelTo(core::ContextId id,
                                     std::shared_ptr<CallTie> tie) override;
  const std::vector<core::ContextId>& path() const override { return path_; }

 private:
  using CallPtr = std::shared_ptr<ModuleCall>;

  void QueueFrames(std::string_view frames) override;
  void OnEnded(const CallPtr& call) override;
  void Forget(const ModuleCall& call);  // under the lock

  FrameWriter* const writer_;
  const core::UniqueFd wake_fd_;
  core::ContextId own_id_ = 0;
  std::vector<core::ContextId> path_;

  std::mutex mutex_;  // for everything below
  std::unordered_map<core::HandleId, CallPtr> calls_;
  core::HandleId next_handle_ = core::kFirstDynamicHandle;
  DeadlineQueue deadlines_;
  std::vector<CallPtr> to_deliver_;
};

}  // namespace ramet::stub

#endif  // STUB_MODULE_CALLER_H_
