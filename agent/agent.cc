#include "agent/agent.h"

#include <unistd.h>

#include <utility>

#include "agent/process_title.h"
#include "core/base/strings.h"
#include "core/loop/fd_stream.h"
#include "core/wire/control.h"
#include "parent/platform.h"
#include "transports/local.h"

// Of <malloc.h>, which musl's headers do not have; agent/libc does.
extern "C" int malloc_trim(size_t) noexcept;

namespace ramet::agent {

using core::FrameHeader;
using core::Link;

Agent::Agent(core::UniqueFd from_parent, core::UniqueFd to_parent)
    : child_images_(own_image_.image(), &fetcher_),
      context_(&loop_),
      children_(&context_, &child_images_, &transports::StartLocalAgent, &ssh_),
      service_(&context_, &children_),
      courier_(&context_, &images_, this),
      fetcher_(&courier_),
      modules_(parent::ThisPlatform().name, &courier_),
      module_host_(&context_, &modules_) {
  context_.router().SetSelf(core::kUnknownId, "a context without a hello");
  context_.SetHelloHandler(
      [this](Link* from, const FrameHeader& header, std::string_view payload) {
        OnHello(from, header, payload);
      });
  context_.SetHandler(
      core::kCallFunction, core::Context::Access::kAnyone,
      [this](Link* from, const FrameHeader& header, std::string_view payload) {
        if (!service_.OnCallFrame(header, payload)) {
          module_host_.OnCallFrame(from, header, payload);
        }
      });
  context_.SetHandler(
      core::kShutdown, core::Context::Access::kAncestors,
      [this](Link*, const FrameHeader&, std::string_view payload) {
        core::Shutdown message;
        if (core::ParseControl(payload, &message)) {
          BeginShutdown(message.grace_ms);
        }
      });
  context_.SetHandler(core::kDetaching, core::Context::Access::kAncestors,
                      [this](Link* from, const FrameHeader& header,
                             std::string_view) { OnDetaching(from, header); });
  context_.AddLinkLostHandler(
      [this](Link*, const core::Status&) { OnLinkLost(); });
  auto stream = std::make_unique<core::FdStream>(&loop_, std::move(from_parent),
                                                 std::move(to_parent));
  stream->EndWhenUnread();
  context_.router().AddParent(std::move(stream), core::kUnknownId);
}

Agent::~Agent() = default;

void Agent::Run() { loop_.Run(); }

void Agent::OnTick(bool quiet) {
  if (quiet) {
    modules_.ReleaseImages();
    TrimMemory();
  }
  orphans_.Tick();
}

void Agent::TrimMemory() {
  loop_.TrimScratch();
  malloc_trim(0);
}

void Agent::OnNotice(const core::ModuleNotice& notice) {
  if (notice.kind == core::ModuleNotice::kService && notice.code == 0) {
    modules_.OnAnnounced(notice, children_.locks());
    module_host_.RetireReplaced();
  }
  fetcher_.OnNotice(notice);
  module_host_.RetryHeld();
}

void Agent::OnImage(std::string_view digest, const core::Status& status) {
  if (status.ok()) modules_.OnArrived(digest);
  module_host_.RetireReplaced();
  modules_.SetFailure(digest, status);
  fetcher_.OnImage(digest, status);
  module_host_.RetryHeld();
  // The next call asks anew.
  if (!status.ok()) modules_.SetFailure(digest, core::Status());
  // An image fills buffers, and most contexts get only one.
  loop_.RunAfter(0, [this] { TrimMemory(); });
}

// There is nobody to ask once this context was detached.
void Agent::OnAsked(const core::ModuleNotice& notice) {
  core::ModuleNotice answer = notice;
  answer.code = static_cast<uint32_t>(core::Code::kUnavailable);
  if (notice.kind != core::ModuleNotice::kImage) courier_.Pass(answer);
}

// The parent asks, because it is who would else end this process.
void Agent::OnDetaching(Link* from, const FrameHeader& header) {
  core::Router& router = context_.router();
  if (from == nullptr || header.src_id != from->peer_id() || detached_ ||
      shutting_down_) {
    router.SendDead(header,
                    Error(core::Code::kFailedPrecondition,
                          {"context ", router.name(), " can't be detached"}));
    return;
  }
  detached_ = true;
  router.SayFarewell(core::Status(core::Code::kUnavailable, "detached"));
  FrameHeader answer;
  answer.dst_id = header.src_id;
  answer.handle = header.reply_to;
  router.Send(answer, {});
  detached_process_.Begin(&loop_, router.name(), [this] {
    constexpr uint32_t kGraceMs = 3000;
    BeginShutdown(kGraceMs);
  });
  from->CloseAfterFlush();
}

void Agent::OnLinkLost() {
  const core::Router& router = context_.router();
  const bool alone = router.children().empty();
  if (router.parent() == nullptr ? !detached_ || alone
                                 : shutting_down_ && alone) {
    Leave();
  }
}

void Agent::BeginShutdown(uint32_t grace_ms) {
  if (shutting_down_) return;
  shutting_down_ = true;
  module_host_.RefuseCalls();
  core::Shutdown message;
  message.grace_ms = grace_ms;
  for (const Link* link : context_.router().children()) {
    FrameHeader header;
    header.dst_id = link->peer_id();
    header.handle = core::kShutdown;
    context_.router().Send(header, core::SerializeControl(message));
  }
  if (context_.router().children().empty()) {
    Leave();
  } else {
    loop_.RunAfter(int64_t{1000} * grace_ms, [this] { Leave(); });
  }
}

void Agent::Leave() {
  if (context_.router().parent() == nullptr) return loop_.Stop();
  // A parent that does not read can't keep this context.
  constexpr int64_t kFarewellUs = 500'000;
  context_.router().SayFarewell(
      core::Status(core::Code::kUnavailable, "it was shut down"));
  loop_.RunAfter(kFarewellUs, [this] { loop_.Stop(); });
  context_.router().parent()->CloseAfterFlush();
}

void Agent::OnHello(Link* from, const FrameHeader& header,
                    std::string_view payload) {
  core::Hello hello;
  core::Router& router = context_.router();
  if (router.self() != core::kUnknownId ||
      !core::ParseControl(payload, &hello) || hello.ancestor_ids.empty()) {
    router.CloseLink(from, core::Status(core::Code::kInternal, "bad hello"));
    return;
  }
  router.SetSelf(hello.child_id, hello.name);
  from->set_peer_id(hello.ancestor_ids[0]);
  from->set_name(hello.parent_name);
  context_.SetAncestors(hello.ancestor_ids);
  context_.ids().Add(hello.grant_first, hello.grant_count);
  router.set_unidirectional(hello.unidirectional != 0);
  context_.set_log_level(static_cast<core::LogLevel>(hello.log_level));
  context_.heartbeat().Start(
      {hello.heartbeat_interval_ms, hello.heartbeat_count});
  context_.heartbeat().Watch(from);
  context_.heartbeat().AddTickHandler([this](bool quiet) { OnTick(quiet); });
  ProcessTitle::Set("ramet: " + hello.name + ", child of " + hello.parent_name);
  if (hello.image_cache_bytes != 0) {
    images_.set_max_bytes(hello.image_cache_bytes);
  }
  children_.set_image_cache_bytes(hello.image_cache_bytes);
  children_.SetLocks(std::move(hello.module_locks), hello.cache_dir);
  if (hello.cache_mib != 0) {
    images_.disk().set_max_bytes(uint64_t{hello.cache_mib} << 20);
  }
  if (!hello.cache_dir.empty()) {
    images_.disk().Open(hello.cache_dir, [this](std::string_view line) {
      context_.Log(core::LogLevel::kWarning, "images", line);
    });
  }

  core::HelloReply reply;
  reply.version = core::kProtocolVersion;
  reply.platform = parent::ThisPlatform().name;
  char hostname[256] = "";
  gethostname(hostname, sizeof hostname - 1);
  reply.hostname = hostname;
  reply.pid = static_cast<uint32_t>(getpid());
  reply.uid = static_cast<uint32_t>(getuid());
  FrameHeader answer;
  answer.dst_id = header.src_id;
  answer.handle = core::kHello;
  router.Send(answer, core::SerializeControl(reply));
  if (hello.version != core::kProtocolVersion) from->CloseAfterFlush();
}

}  // namespace ramet::agent
