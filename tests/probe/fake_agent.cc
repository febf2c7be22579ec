#include "tests/probe/fake_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/wire/call_assembler.h"

namespace ramet::probe {

// An answer of which a part has come.
struct FakeAgent::Open final : core::CallAssembler::Sink {
  void OnHeaders(std::string bytes) override {
    RAMET_CHECK(core::ParseControl(bytes, &reply.initial));
    RAMET_CHECK(reply.messages.empty());
    reply.has_initial = true;
  }
  void OnMessage(std::string message) override {
    if (consuming) assembler.OnConsumed(message.size());
    reply.message = message;
    reply.messages.push_back(std::move(message));
  }
  core::Status OnCompressedMessage(std::string message) override {
    reply.compressed.insert(reply.messages.size());
    OnMessage(std::move(message));
    return core::Status();
  }
  void OnEnd() override {}
  void OnTrailers(std::string bytes) override {
    RAMET_CHECK(core::ParseControl(bytes, &reply.trailers));
    whole = true;
  }
  void OnCancel() override {}
  void OnWindow(uint32_t bytes) override { granted += bytes; }

  core::CallAssembler assembler{64 * 1024 * 1024};
  Reply reply;
  bool consuming = true;
  bool whole = false;
  uint64_t granted = 0;
};

FakeAgent::FakeAgent(const std::string& program, int stderr_fd) {
  int ends[2];
  RAMET_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  link_.Reset(ends[0]);
  pid_ = fork();
  RAMET_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    if (stderr_fd >= 0) dup2(stderr_fd, 2);
    if (ends[1] == 3) {
      fcntl(3, F_SETFD, 0);
    } else {
      dup2(ends[1], 3);
    }
    setenv("RAMET_MODULE_FD", "3", 1);
    execl(program.c_str(), program.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
}

FakeAgent::~FakeAgent() {
  link_.Reset();
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    WaitForEnd();
  }
}

core::HelloReply FakeAgent::Greet(uint32_t max_message_bytes) {
  core::Hello hello;
  hello.version = core::kProtocolVersion;
  hello.child_id = kModuleId;
  hello.ancestor_ids = {kAgentId, core::kMasterId};
  hello.name = "probe";
  hello.max_message_bytes = max_message_bytes;
  core::FrameHeader header;
  header.dst_id = kModuleId;
  header.src_id = kAgentId;
  header.auth_id = kAgentId;
  header.handle = core::kHello;
  SendFrame(header, core::SerializeControl(hello));
  Frame frame;
  RAMET_CHECK(ReceiveFrame(&frame));
  RAMET_CHECK(frame.header.handle == core::kHello);
  RAMET_CHECK(frame.header.dst_id == kAgentId);
  RAMET_CHECK(frame.header.src_id == kModuleId);
  RAMET_CHECK(frame.header.auth_id == kModuleId);
  core::HelloReply reply;
  RAMET_CHECK(core::ParseControl(frame.payload, &reply));
  return reply;
}

void FakeAgent::SendParts(core::HandleId reply_to, core::ContextId caller_id,
                          const std::function<void(core::PartWriter*)>& add) {
  core::FrameHeader header;
  header.dst_id = kModuleId;
  header.src_id = caller_id;
  header.auth_id = caller_id;
  header.handle = core::kCallFunction;
  header.reply_to = reply_to;
  core::PartWriter parts(
      [&](std::string_view payload) { SendFrame(header, payload); });
  add(&parts);
  parts.Flush();
}

void FakeAgent::Call(core::HandleId reply_to, const std::string& method,
                     std::string_view request, uint64_t timeout_us,
                     core::ContextId caller_id) {
  core::CallHeaders headers;
  headers.method = method;
  headers.timeout_us = timeout_us;
  SendParts(reply_to, caller_id, [&](core::PartWriter* parts) {
    parts->AddHeaders(core::SerializeControl(headers));
    parts->AddMessage(request);
    parts->AddEnd();
  });
}

void FakeAgent::Begin(core::HandleId reply_to, const std::string& method,
                      uint64_t timeout_us, core::ContextId caller_id,
                      std::vector<core::Metadata> metadata) {
  core::CallHeaders headers;
  headers.method = method;
  headers.timeout_us = timeout_us;
  headers.metadata = std::move(metadata);
  BeginWith(reply_to, headers, caller_id);
}

void FakeAgent::BeginWith(core::HandleId reply_to,
                          const core::CallHeaders& headers,
                          core::ContextId caller_id) {
  SendParts(reply_to, caller_id, [&](core::PartWriter* parts) {
    parts->AddHeaders(core::SerializeControl(headers));
  });
}

void FakeAgent::Message(core::HandleId reply_to, std::string_view message,
                        bool compressed) {
  SendParts(reply_to, core::kMasterId, [&](core::PartWriter* parts) {
    parts->AddMessage(message, compressed);
  });
}

void FakeAgent::End(core::HandleId reply_to) {
  SendParts(reply_to, core::kMasterId,
            [](core::PartWriter* parts) { parts->AddEnd(); });
}

void FakeAgent::Window(core::HandleId reply_to, uint32_t bytes) {
  SendParts(reply_to, core::kMasterId,
            [&](core::PartWriter* parts) { parts->AddWindow(bytes); });
}

void FakeAgent::Cancel(core::HandleId reply_to) {
  SendParts(reply_to, core::kMasterId,
            [](core::PartWriter* parts) { parts->AddCancel(); });
}

bool FakeAgent::ReceiveIntoReplies() {
  Frame frame;
  if (!ReceiveFrame(&frame)) return false;
  const core::HandleId handle = frame.header.handle;
  std::unique_ptr<Open>& open = open_[handle];
  if (open == nullptr) open = std::make_unique<Open>();
  open->consuming = consuming_;
  ++open->reply.frames;
  RAMET_CHECK(open->assembler.Feed(frame.payload, open.get()).ok());
  granted_[handle] += open->granted;
  open->granted = 0;
  if (open->whole) {
    open->reply.handle = handle;
    whole_.push_back(std::move(open->reply));
    open_.erase(handle);
  } else if (const uint32_t grant = open->assembler.TakeGrant()) {
    SendParts(handle, frame.header.dst_id,
              [&](core::PartWriter* parts) { parts->AddWindow(grant); });
  }
  return true;
}

size_t FakeAgent::MessagesOf(core::HandleId reply_to) {
  auto found = open_.find(reply_to);
  return found == open_.end() ? 0 : found->second->reply.messages.size();
}

FakeAgent::Reply FakeAgent::WaitForReply() {
  while (whole_.empty()) RAMET_CHECK(ReceiveIntoReplies());
  Reply reply = std::move(whole_.front());
  whole_.pop_front();
  return reply;
}

FakeAgent::Reply FakeAgent::CallAndWait(const std::string& method,
                                        std::string_view request) {
  const core::HandleId handle = next_handle_++;
  Call(handle, method, request);
  Reply reply = WaitForReply();
  RAMET_CHECK(reply.handle == handle);
  return reply;
}

void FakeAgent::SendFrame(core::FrameHeader header, std::string_view payload) {
  header.length = static_cast<uint32_t>(payload.size());
  std::string bytes(core::kFrameHeaderBytes, '\0');
  header.Serialize(bytes.data());
  bytes.append(payload);
  SendBytes(bytes);
}

void FakeAgent::SendBytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        send(link_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) return;  // the test sees it at its next receive
    bytes.remove_prefix(count);
  }
}

bool FakeAgent::ReceiveExactly(char* out, size_t count) {
  while (received_.size() - taken_ < count) {
    char buffer[65536];
    const ssize_t got = read(link_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    received_.erase(0, taken_);
    taken_ = 0;
    received_.append(buffer, got);
  }
  std::copy_n(received_.data() + taken_, count, out);
  taken_ += count;
  return true;
}

bool FakeAgent::ReceiveFrame(Frame* frame) {
  char header[core::kFrameHeaderBytes];
  if (!ReceiveExactly(header, sizeof header)) return false;
  RAMET_CHECK(core::FrameHeader::Parse(header, &frame->header) ==
              core::FrameHeader::ParseResult::kOk);
  frame->payload.resize(frame->header.length);
  return ReceiveExactly(frame->payload.data(), frame->payload.size());
}

int FakeAgent::WaitForEnd() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

}  // namespace ramet::probe
