#include "parent/child_starter.h"

#include <utility>

#include "core/base/strings.h"
#include "parent/bootstrap_stream.h"
#include "parent/first_stage.h"

namespace ramet::parent {
namespace {

using core::Code;
using core::ContextId;
using core::Status;

}  // namespace

struct ChildStarter::Starting {
  core::StartChildRequest request;
  Hop hop;
  ConnectStats* stats = nullptr;
  LinkedCallback linked;
  DoneCallback done;
  core::EventLoop::TimerId timer = 0;
  const core::ByteStream* stream = nullptr;  // the link's
  int64_t start_us = 0;
};

// Waits for a child's answer to DETACHING.
class ChildStarter::Detaching final : public core::ReplyHandler {
 public:
  Detaching(ChildStarter* starter, ContextId id, DetachedCallback done)
      : starter_(starter), id_(id), done_(std::move(done)) {}
  ~Detaching() override { starter_->context_->handles().Remove(handle_); }

  void Ask() {
    handle_ = starter_->context_->handles().Add(id_, this);
    core::FrameHeader header;
    header.dst_id = id_;
    header.handle = core::kDetaching;
    header.reply_to = handle_;
    starter_->context_->router().Send(header, {});
  }

  void OnReply(const core::FrameHeader&, std::string_view) override {
    starter_->context_->handles().Remove(handle_);
    core::Link* const link = starter_->FindChild(id_);
    link->DetachStream();
    starter_->context_->router().CloseLink(
        link, Status(Code::kUnavailable, "detached"));
    Finish(Status());
  }

  void OnDead(const Status& why) override { Finish(why); }

 private:
  void Finish(const Status& status) {
    const std::unique_ptr<Detaching> self = starter_->detaching_.Remove(id_);
    done_(status);
  }

  ChildStarter* const starter_;
  const ContextId id_;
  const DetachedCallback done_;
  core::HandleId handle_ = core::kNoHandle;
};

ChildStarter::ChildStarter(core::Context* context, AgentImages* images,
                           LocalStarter local, Transport* ssh)
    : context_(context), images_(images), local_(std::move(local)), ssh_(ssh) {
  context_->AddRouteLostHandler(
      [this](ContextId id, const Status& why) { OnRouteLost(id, why); });
  context_->SetLossExplainer([this](const core::Link* link, const Status& why) {
    return ExplainLoss(link, why);
  });
  context_->SetChildHelloHandler([this](core::Link* from,
                                        const core::FrameHeader& header,
                                        std::string_view payload) {
    OnHelloReply(from, header, payload);
  });
}

ChildStarter::~ChildStarter() {
  for (size_t i = 0; i < starting_.size(); ++i) {
    context_->loop()->CancelTimer(starting_.at(i)->timer);
  }
}

void ChildStarter::Start(const core::StartChildRequest& request,
                         ConnectStats* stats, LinkedCallback linked,
                         DoneCallback done) {
  auto starting = std::make_unique<Starting>();
  starting->request = request;
  if (!locks_.empty()) {
    starting->request.ssh.config_file.clear();
    // ssh would write the names of hosts into it.
    if (request.ssh.host_key_check == core::SshOptions::kAcceptNew) {
      starting->request.ssh.known_hosts.clear();
    }
    starting->request.cache_dir = cache_dir_;
  }
  starting->stats = stats;
  starting->linked = std::move(linked);
  starting->done = std::move(done);
  starting->start_us = context_->loop()->NowUs();
  Status status = ParseHop(request.hop, &starting->hop);
  const std::string& locks = request.module_locks;
  if (!locks.empty() && (locks.front() != '=' || locks.back() != '\n')) {
    // Its lines would belong to the last lock of this context.
    status = Status(Code::kInvalidArgument, "locks that begin none");
  } else if (request.name.size() + starting->request.cache_dir.size() +
                 locks_.size() + locks.size() >
             kMaxHelloTextBytes) {
    status = Status(Code::kInvalidArgument, "more text than a hello has");
  }
  if (!status.ok()) {
    starting->done(status, {});
    return;
  }
  const bool below_master =
      context_->router().parent() == nullptr && context_->ancestors().empty();
  const uint32_t grant_count =
      below_master ? core::kGrantIds : core::kChildGrantIds;
  // std::function wants a copyable callable.
  auto shared =
      std::make_shared<std::unique_ptr<Starting>>(std::move(starting));
  context_->TakeIds(1 + grant_count, [this, shared, grant_count](
                                         const Status& status, uint32_t first) {
    if (!status.ok()) {
      (*shared)->done(status, {});
      return;
    }
    StartWithId(std::move(*shared), first, grant_count);
  });
}

void ChildStarter::StartWithId(std::unique_ptr<Starting> starting, ContextId id,
                               uint32_t grant_count) {
  Starting* const state = starting_.Insert(id, std::move(starting));
  const uint32_t timeout_ms = state->request.timeout_ms != 0
                                  ? state->request.timeout_ms
                                  : kDefaultConnectTimeoutMs;
  const int64_t spent_us = context_->loop()->NowUs() - state->start_us;
  state->timer = context_->loop()->RunAfter(
      timeout_ms * int64_t{1000} - spent_us, [this, id] { OnTimeout(id); });

  const std::string& name =
      state->request.name.empty() ? state->request.hop : state->request.name;
  std::unique_ptr<core::ByteStream> stream = OpenStream(state);
  state->stream = stream.get();
  core::Router& router = context_->router();
  core::Link* const link = router.AddChild(std::move(stream), id, name);
  router.RecordGrant(link, id + 1, grant_count);

  core::Hello hello;
  hello.version = core::kProtocolVersion;
  hello.child_id = id;
  hello.ancestor_ids.push_back(router.self());
  for (ContextId ancestor : context_->ancestors()) {
    hello.ancestor_ids.push_back(ancestor);
  }
  hello.grant_first = id + 1;
  hello.grant_count = grant_count;
  hello.name = name;
  hello.parent_name = router.name();
  hello.heartbeat_interval_ms = context_->heartbeat().options().interval_ms;
  hello.heartbeat_count = context_->heartbeat().options().count;
  hello.unidirectional = router.unidirectional();
  hello.log_level = static_cast<uint32_t>(context_->log_level());
  hello.cache_dir = state->request.cache_dir;
  hello.cache_mib = state->request.cache_mib;
  hello.image_cache_bytes = image_cache_bytes_;
  hello.module_locks = locks_ + state->request.module_locks;
  link->set_keeps_images(!hello.cache_dir.empty());
  core::FrameHeader header;
  header.dst_id = id;
  header.handle = core::kHello;
  router.Send(header, core::SerializeControl(hello));
  if (state->linked) state->linked(id);
}

std::unique_ptr<core::ByteStream> ChildStarter::OpenStream(Starting* state) {
  if (state->hop.kind == Hop::Kind::kLocal) {
    if (state->stats != nullptr) {
      state->stats->EnterPhase("exec", context_->loop()->NowUs());
    }
    return local_(context_->loop(), images_->own());
  }
  const AgentImage& image = images_->Guess(state->request.platform);
  std::string bytes;
  const Status status = ReadImage(image.packed_fd, &bytes);
  const std::string nonce = MakeNonce();
  OpenRequest open;
  open.hop = state->hop;
  open.ssh = state->request.ssh;
  open.command = FirstStageCommand(nonce, image.uname, bytes.size());
  open.stats = state->stats;
  if (state->stats != nullptr) {
    state->stats->bootstrap_bytes_sent += open.command.size();
    state->stats->bootstrap_round_trips = 1;
  }
  return std::make_unique<BootstrapStream>(ssh_->Open(context_->loop(), open),
                                           nonce, std::move(bytes), images_,
                                           state->stats);
}

void ChildStarter::OnHelloReply(core::Link* from,
                                const core::FrameHeader& header,
                                std::string_view payload) {
  const ContextId id = from->peer_id();
  if (header.src_id != id || !starting_.Has(id)) return;
  core::HelloReply hello;
  if (!core::ParseControl(payload, &hello)) {
    context_->router().CloseLink(
        from, Status(Code::kInternal, "the child's hello is malformed"));
    return;
  }
  if (hello.version != core::kProtocolVersion) {
    context_->router().CloseLink(
        from, Error(Code::kFailedPrecondition,
                    {"protocol version mismatch: the child speaks ",
                     hello.version, ", this side ", core::kProtocolVersion}));
    return;
  }
  Finish(id, Status(), hello);
}

Status ChildStarter::ExplainLoss(const core::Link* link,
                                 const Status& why) const {
  const Code code = why.ok() ? Code::kUnavailable : why.code();
  const std::string reason =
      why.ok() ? "closed by the other side" : why.message();
  const Starting* const state = starting_.Find(link->peer_id());
  if (state == nullptr) {
    return core::Error(
        code, {"context lost: ", link->name(), " (phase call): ", reason});
  }
  return Error(code, {"cannot start a context: ", state->request.hop, " (hop ",
                      state->request.hop_number, ", phase ",
                      link->stream().phase(), "): ", reason});
}

void ChildStarter::OnRouteLost(ContextId id, const Status& why) {
  if (starting_.Has(id)) Finish(id, why, {});
}

void ChildStarter::OnTimeout(ContextId id) {
  Starting* const state = starting_.Find(id);
  state->timer = 0;
  const uint32_t timeout_ms = state->request.timeout_ms != 0
                                  ? state->request.timeout_ms
                                  : kDefaultConnectTimeoutMs;
  std::string why = core::Concat({"not done within ", timeout_ms, " ms"});
  const std::string tail = state->stream->tail();
  if (!tail.empty()) core::Append(&why, {"; the far end says: ", tail});
  core::Link* const link = context_->router().LinkTo(id);
  context_->router().CloseLink(link, Status(Code::kDeadlineExceeded, why));
}

void ChildStarter::Finish(ContextId id, const Status& status,
                          const core::HelloReply& hello) {
  const std::unique_ptr<Starting> state = starting_.Remove(id);
  context_->loop()->CancelTimer(state->timer);
  if (status.ok()) {
    context_->router().Announce(id);
    context_->heartbeat().Watch(context_->router().LinkTo(id));
    if (state->stats != nullptr) {
      state->stats->EnterPhase("call", context_->loop()->NowUs());
    }
  }
  core::StartChildReply reply;
  reply.id = id;
  reply.hello = hello;
  state->done(status, reply);
}

core::Link* ChildStarter::FindChild(ContextId id) const {
  const core::Router& router = context_->router();
  core::Link* const link = router.HasRoute(id) ? router.LinkTo(id) : nullptr;
  return link != nullptr && link->peer_id() == id ? link : nullptr;
}

Status ChildStarter::Stop(ContextId id) {
  core::Link* const link = FindChild(id);
  if (link == nullptr) {
    return Error(Code::kNotFound, {"no child with id ", id});
  }
  context_->router().CloseLink(
      link, Status(Code::kUnavailable, "disconnected on request"));
  return Status();
}

void ChildStarter::Detach(ContextId id, DetachedCallback done) {
  if (FindChild(id) == nullptr) {
    return done(Error(Code::kNotFound, {"no child with id ", id}));
  }
  if (starting_.Has(id) || detaching_.Has(id)) {
    return done(Status(Code::kFailedPrecondition,
                       "it is being started or detached already"));
  }
  detaching_.Insert(id, std::make_unique<Detaching>(this, id, std::move(done)))
      ->Ask();
}

}  // namespace ramet::parent
