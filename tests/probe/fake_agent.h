#ifndef TESTS_PROBE_FAKE_AGENT_H_
#define TESTS_PROBE_FAKE_AGENT_H_

#include <sys/types.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"

namespace ramet::probe {

// The agent's side of a module's link, for tests: starts a module's program as
// an agent would, and speaks to it frame by frame. Blocking; one thread. Every
// failure of the test's own system calls aborts.
class FakeAgent {
 public:
  static constexpr core::ContextId kModuleId = 7;
  static constexpr core::ContextId kAgentId = 3;

  struct Reply {
    core::HandleId handle = core::kNoHandle;  // as in the call's reply_to
    int frames = 0;
    bool has_initial = false;
    core::AnswerHeaders initial;
    std::string message;  // the last one
    std::vector<std::string> messages;
    // Of messages: those that came compressed, as they came.
    std::set<size_t> compressed;
    core::CallTrailers trailers;
  };

  struct Frame {
    core::FrameHeader header;
    std::string payload;
  };

  // `stderr_fd` is borrowed: the module's standard error; -1: this process's.
  explicit FakeAgent(const std::string& program, int stderr_fd = -1);
  ~FakeAgent();

  // Sends the hello and takes the answer.
  core::HelloReply Greet(uint32_t max_message_bytes = 0);

  // Sends a whole call; `timeout_us` 0: none.
  void Call(core::HandleId reply_to, const std::string& method,
            std::string_view request, uint64_t timeout_us = 0,
            core::ContextId caller_id = core::kMasterId);
  // The beginning of a call, and what may follow it.
  void Begin(core::HandleId reply_to, const std::string& method,
             uint64_t timeout_us = 0,
             core::ContextId caller_id = core::kMasterId,
             std::vector<core::Metadata> metadata = {});
  void BeginWith(core::HandleId reply_to, const core::CallHeaders& headers,
                 core::ContextId caller_id = core::kMasterId);
  void Message(core::HandleId reply_to, std::string_view message,
               bool compressed = false);
  void End(core::HandleId reply_to);
  void Window(core::HandleId reply_to, uint32_t bytes);
  void Cancel(core::HandleId reply_to);

  // Whether answers are consumed as they come, and their senders given credit
  // for more; true in the beginning.
  void set_consuming(bool consuming) { consuming_ = consuming; }
  // Of that many bytes the module has told that it takes them.
  uint64_t granted(core::HandleId reply_to) { return granted_[reply_to]; }
  // Takes one frame into the answers; false at the end of the link.
  bool ReceiveIntoReplies();
  // Messages of an answer that is not complete.
  size_t MessagesOf(core::HandleId reply_to);

  // The next answer that is complete, whichever call's it is.
  Reply WaitForReply();
  // Both at once.
  Reply CallAndWait(const std::string& method, std::string_view request);

  void SendFrame(core::FrameHeader header, std::string_view payload);
  void SendBytes(std::string_view bytes);
  // False at the end of the link.
  bool ReceiveFrame(Frame* frame);

  void CloseLink() { link_.Reset(); }
  int link() const { return link_.get(); }
  pid_t pid() const { return pid_; }
  // Waits for the process to end: its wait(2) status.
  int WaitForEnd();

 private:
  bool ReceiveExactly(char* out, size_t count);
  // A frame of a call.
  void SendParts(core::HandleId reply_to, core::ContextId caller_id,
                 const std::function<void(core::PartWriter*)>& add);

  bool consuming_ = true;
  std::map<core::HandleId, uint64_t> granted_;
  std::deque<Reply> whole_;
  core::UniqueFd link_;
  pid_t pid_ = -1;
  core::HandleId next_handle_ = core::kFirstDynamicHandle;
  std::string received_;
  size_t taken_ = 0;
  struct Open;
  std::map<core::HandleId, std::unique_ptr<Open>> open_;
};

}  // namespace ramet::probe

#endif  // TESTS_PROBE_FAKE_AGENT_H_
