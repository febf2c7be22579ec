#include "importer/module_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "core/base/strings.h"
#include "core/loop/fd_stream.h"
#include "core/wire/control.h"

namespace ramet::importer {

using core::Code;
using core::FrameHeader;
using core::Status;
using core::UniqueFd;

ModuleProcess::ModuleProcess(core::Context* context,
                             std::shared_ptr<StoredModule> module,
                             core::ContextId id, LineCallback on_line,
                             EndedCallback on_ended)
    : context_(context),
      module_(std::move(module)),
      id_(id),
      on_line_(std::move(on_line)),
      on_ended_(std::move(on_ended)),
      process_(context->loop(), this) {}

ModuleProcess::~ModuleProcess() { context_->loop()->CancelTimer(timer_); }

Status ModuleProcess::Start() {
  int link[2];
  int out[2];
  int err[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) != 0) {
    return Status(Code::kResourceExhausted,
                  core::ErrnoText("cannot start a module: socketpair", errno));
  }
  UniqueFd ours(link[0]);
  UniqueFd theirs(link[1]);
  if (pipe2(out, O_CLOEXEC) != 0) {
    return Status(Code::kResourceExhausted,
                  core::ErrnoText("cannot start a module: pipe", errno));
  }
  UniqueFd out_read(out[0]);
  UniqueFd out_write(out[1]);
  if (pipe2(err, O_CLOEXEC) != 0) {
    return Status(Code::kResourceExhausted,
                  core::ErrnoText("cannot start a module: pipe", errno));
  }
  UniqueFd err_read(err[0]);
  UniqueFd err_write(err[1]);

  core::SpawnOptions options;
  options.argv = {"ramet: module " + module_->announced.name};
  options.image_fd = module_->image.get();
  options.fds = {-1, out_write.get(), err_write.get(), theirs.get()};
  options.environment = module_->announced.environment;
  options.environment.push_back(
      core::Concat({"RAMET_MODULE_FD=", kModuleLinkFd}));
  options.clean = true;
  options.max_data_bytes = module_->announced.memory_bytes;
  options.die_with_parent = true;
  Status status = process_.Start(options);
  if (!status.ok()) {
    return Error(status.code(),
                 {"cannot start module ", module_->announced.name, ": ",
                  status.message()});
  }
  stdout_ = std::make_unique<LineReader>(
      context_->loop(), std::move(out_read),
      [this](std::string_view line) { on_line_(false, line); });
  stderr_ = std::make_unique<LineReader>(
      context_->loop(), std::move(err_read),
      [this](std::string_view line) { on_line_(true, line); });
  // It is watched before its own hello, so that one that never says it ends.
  context_->heartbeat().Watch(context_->router().AddModule(
      std::make_unique<core::FdStream>(context_->loop(), std::move(ours),
                                       UniqueFd()),
      id_, "module " + module_->announced.name));
  SayHello();
  return Status();
}

void ModuleProcess::SayHello() {
  core::Hello hello;
  hello.version = core::kProtocolVersion;
  hello.child_id = id_;
  hello.ancestor_ids.push_back(context_->router().self());
  for (core::ContextId ancestor : context_->ancestors()) {
    hello.ancestor_ids.push_back(ancestor);
  }
  hello.name = module_->announced.name;
  hello.parent_name = context_->router().name();
  FrameHeader header;
  header.dst_id = id_;
  header.handle = core::kHello;
  context_->router().Send(header, core::SerializeControl(hello));
}

void ModuleProcess::OnLinkLost(std::string_view why) {
  link_lost_ = true;
  // Without its link it is of no use; if it is ending by itself already, its
  // own exit status stays.
  if (!process_.exited()) {
    killed_because_ =
        process_.stopped() ? " after a signal had stopped it" : why;
    process_.Kill();
  }
  EndIfComplete();
}

void ModuleProcess::AddCall() {
  ++calls_;
  context_->loop()->CancelTimer(timer_);
  timer_ = 0;
}

void ModuleProcess::DropCall() {
  --calls_;
  EndWhenIdle();
}

void ModuleProcess::Retire() {
  if (retired_) return;
  retired_ = true;
  context_->loop()->CancelTimer(timer_);
  EndWhenIdle();
}

void ModuleProcess::EndWhenIdle() {
  const uint32_t idle_ms = module_->announced.idle_ms;
  if (calls_ != 0 || (idle_ms == 0 && !retired_)) return;
  timer_ = context_->loop()->RunAfter(retired_ ? 0 : int64_t{1000} * idle_ms,
                                      [this] { AskToEnd(); });
}

void ModuleProcess::AskToEnd() {
  retired_ = true;
  FrameHeader header;
  header.dst_id = id_;
  header.handle = core::kShutdown;
  context_->router().Send(header, {});
  timer_ = context_->loop()->RunAfter(kEndGraceUs, [this] {
    timer_ = 0;
    process_.Kill();
  });
}

void ModuleProcess::FlushOutput() {
  stdout_->Drain();
  stderr_->Drain();
}

void ModuleProcess::OnExit() { EndIfComplete(); }

void ModuleProcess::EndIfComplete() {
  // What it wrote before it ended is read before its end is told.
  if (!link_lost_ || !process_.exited()) return;
  FlushOutput();
  on_ended_(Error(Code::kUnavailable,
                  {"module ", module_->announced.name, " in context ",
                   context_->router().name(),
                   " ended: ", core::DescribeWaitStatus(process_.wait_status()),
                   killed_because_}));
}

}  // namespace ramet::importer
