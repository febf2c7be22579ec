#include "server/call_dispatcher.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "absl/time/clock.h"
#include "core/base/strings.h"
#include "core/wire/method_name.h"
#include "server/back_off.h"
#include "server/master_name.h"
#include "stub/status_bridge.h"

namespace ramet::server {

using core::Code;
using core::Status;

namespace {

// A connect that hits its limit knows in which phase; a call that waits for it
// leaves it this much time to say so.
constexpr absl::Duration kConnectTextGrace = absl::Milliseconds(50);

absl::Duration RemainingOf(const stub::CallOptions& options) {
  return options.deadline == absl::InfiniteFuture()
             ? absl::InfiniteDuration()
             : options.deadline - absl::Now();
}

void EndAtOnce(std::unique_ptr<OutgoingCall::Listener> listener,
               Status status) {
  CallResult result;
  result.status = std::move(status);
  listener->OnEnd(std::move(result));
}

}  // namespace

absl::StatusOr<TargetPtr> MakeTarget(const std::string& text,
                                     const ConnectOptions& connect) {
  auto target = std::make_shared<Target>();
  target->connect = connect;
  if (text == kMasterName) {
    target->name = text;
    return TargetPtr(std::move(target));
  }
  const Status parsed = parent::ParseTarget(text, &target->hops);
  if (!parsed.ok()) return stub::ToAbslStatus(parsed);
  target->name = ContextDirectory::Name(target->hops, target->hops.size());
  return TargetPtr(std::move(target));
}

DirectoryOptions ToDirectoryOptions(const ConnectOptions& options,
                                    absl::Duration limit) {
  DirectoryOptions result;
  result.ssh = options.ssh;
  result.cache_dir = options.cache_dir;
  result.cache_mib = options.cache_mib;
  result.platform = options.platform;
  result.stats = options.stats.get();
  const int64_t ms =
      absl::ToInt64Milliseconds(std::min(options.timeout, limit));
  result.timeout_ms = static_cast<uint32_t>(
      std::min<int64_t>(std::max<int64_t>(ms, 1), 0x7FFFFFFF));
  return result;
}

class CallDispatcher::RegisteredListener final : public OutgoingCall::Listener {
 public:
  RegisteredListener(CallDispatcher* dispatcher,
                     std::unique_ptr<OutgoingCall::Listener> listener,
                     std::string_view method)
      : dispatcher_(dispatcher), listener_(std::move(listener)) {
    CallObserver* const observer = dispatcher->observer_;
    if (observer != nullptr) observed_ = observer->OnCallStart(method);
  }

  void set_call(OutgoingCall* call) { call_ = call; }

 private:
  void OnInitialMetadata(std::vector<core::Metadata> metadata) override {
    listener_->OnInitialMetadata(std::move(metadata));
  }
  void OnEncoding(uint32_t encoding) override {
    listener_->OnEncoding(encoding);
  }
  void OnMessage(std::string message) override {
    listener_->OnMessage(std::move(message));
  }
  Status OnCompressedMessage(std::string message) override {
    return listener_->OnCompressedMessage(std::move(message));
  }
  void OnSent() override { listener_->OnSent(); }
  void OnBatchEnd() override { listener_->OnBatchEnd(); }
  void OnEnd(CallResult result) override {
    dispatcher_->calls_.erase(call_);
    if (dispatcher_->observer_ != nullptr) {
      dispatcher_->observer_->OnCallEnd(
          observed_, static_cast<absl::StatusCode>(result.status.code()));
    }
    listener_->OnEnd(std::move(result));
  }

  CallDispatcher* const dispatcher_;
  const std::unique_ptr<OutgoingCall::Listener> listener_;
  CallObserver::Started observed_;
  OutgoingCall* call_ = nullptr;
};

// Calls that wait for ready, and how.
struct CallDispatcher::Patient {
  Patient(const Target& target, const stub::CallOptions& options)
      : target(target), options(options) {}

  bool AnyLeft() const {
    for (const auto& call : calls) {
      if (!call.expired()) return true;
    }
    return false;
  }

  const Target target;
  const stub::CallOptions options;  // of the first
  // One; of a chain all that wait, in their order.
  std::vector<std::weak_ptr<OutgoingCall>> calls;
  BackOff back_off{[] {
    static auto* const random = new std::mt19937(std::random_device{}());
    return std::generate_canonical<double, 32>(*random);
  }};
};

CallDispatcher::CallDispatcher(core::Context* context,
                               const ModuleRepository* modules,
                               const HostedDirectory* hosted,
                               ContextDirectory* directory, KeptStats* stats,
                               TreeWatch* tree, CallObserver* observer,
                               uint32_t module_idle_ms)
    : context_(context),
      modules_(modules),
      hosted_(hosted),
      directory_(directory),
      delivery_(context, modules, directory, module_idle_ms),
      stats_(stats),
      tree_(tree),
      observer_(observer) {}

std::shared_ptr<OutgoingCall> CallDispatcher::Start(
    const Target& target, std::string method, const stub::CallOptions& options,
    std::unique_ptr<OutgoingCall::Listener> listener) {
  const bool to_master = target.hops.empty();
  absl::StatusOr<ModuleRepository::BundlePtr> bundle = nullptr;
  if (!to_master) {
    bundle = modules_->FindMethod(method, target.name);
  } else if (!hosted_->KindOf(method).has_value()) {
    bundle = absl::UnimplementedError("unknown method " + method +
                                      " in context master");
  }
  auto registered = std::make_unique<RegisteredListener>(
      this, std::move(listener), bundle.ok() ? method : "unknown");
  if (!bundle.ok()) {
    EndAtOnce(std::move(registered), stub::ToCoreStatus(bundle.status()));
    return nullptr;
  }
  const absl::Duration remaining = RemainingOf(options);
  if (remaining <= absl::ZeroDuration()) {
    EndAtOnce(
        std::move(registered),
        core::Error(Code::kDeadlineExceeded,
                    {method, ": the deadline had passed before the call"}));
    return nullptr;
  }
  core::CallHeaders headers;
  headers.method = std::move(method);
  for (const auto& [key, value] : options.metadata) {
    headers.metadata.push_back({key, value});
  }
  headers.chain_id = options.chain_position.id;
  headers.chain_epoch = options.chain_position.epoch;
  headers.chain_index = options.chain_position.index;
  headers.chain_known_ok = options.chain_position.known_ok;
  headers.encoding = static_cast<uint32_t>(options.compression);
  headers.accepted_encodings = options.accepted_compressions;
  RegisteredListener* const unset = registered.get();
  const std::shared_ptr<OutgoingCall> call =
      OutgoingCall::Create(context_, std::move(headers), std::move(registered),
                           options.max_reply_bytes);
  unset->set_call(call.get());
  if (options.chain_position.id != 0) call->set_chain_starts(&chain_starts_);
  calls_.emplace(call.get(), call);
  ContextDirectory::Entry* linked =
      to_master ? nullptr : directory_->FindLinked(target.name);
  // What goes out while a context is being made ready is sent.
  if (linked != nullptr && !linked->ready && options.wait_for_ready) {
    linked = nullptr;
  }
  if (remaining < absl::InfiniteDuration()) {
    SetDeadline(call.get(), target, remaining, linked);
  }
  if (to_master) {
    call->Start(core::kMasterId);
  } else if (WaitBehindItsChain(target, options, call)) {
    // In its order, even where it need not wait itself.
  } else if (linked == nullptr && options.wait_for_ready) {
    const auto patient = std::make_shared<Patient>(target, options);
    patient->calls.push_back(call);
    if (options.chain_position.id != 0) {
      patient_chains_[{options.chain_position.id, target.name}] = patient;
    }
    StartWhenReady(patient);
  } else if (linked == nullptr) {
    StartWhenLinked(target, options, call);
  } else if (Deliver(call.get(), linked)) {
    call->Start(linked->id);
  }
  return call->over() ? nullptr : call;
}

void CallDispatcher::SetDeadline(OutgoingCall* call, const Target& target,
                                 absl::Duration remaining,
                                 const ContextDirectory::Entry* linked) {
  const bool ready = linked != nullptr && linked->ready;
  call->SetDeadline(absl::ToInt64Microseconds(remaining),
                    ready ? 0 : absl::ToInt64Microseconds(kConnectTextGrace),
                    core::Error(Code::kDeadlineExceeded,
                                {"call failed: ", call->method(), " in ",
                                 target.name, " (phase call): not done within ",
                                 absl::ToInt64Milliseconds(remaining), " ms"}));
}

DirectoryOptions CallDispatcher::FollowConnect(const Target& target,
                                               absl::Duration remaining) {
  stats_->Keep(target.connect.stats);
  return tree_->Follow(target.hops[0].ToString(),
                       ToDirectoryOptions(target.connect, remaining));
}

void CallDispatcher::StartWhenLinked(
    const Target& target, const stub::CallOptions& options,
    const std::shared_ptr<OutgoingCall>& call) {
  const std::weak_ptr<OutgoingCall> weak = call;
  directory_->WhenLinked(
      target.hops, FollowConnect(target, RemainingOf(options)),
      [this, weak](const Status& status, ContextDirectory::Entry* entry) {
        const std::shared_ptr<OutgoingCall> waiting = weak.lock();
        if (waiting == nullptr) return;
        if (!status.ok()) return waiting->Cancel(status);
        if (Deliver(waiting.get(), entry)) waiting->Start(entry->id);
      });
}

bool CallDispatcher::WaitBehindItsChain(
    const Target& target, const stub::CallOptions& options,
    const std::shared_ptr<OutgoingCall>& call) {
  if (options.chain_position.id == 0 || patient_chains_.empty()) return false;
  for (auto each = patient_chains_.begin(); each != patient_chains_.end();) {
    const std::shared_ptr<Patient> patient = each->second.lock();
    each = patient == nullptr || !patient->AnyLeft()
               ? patient_chains_.erase(each)
               : std::next(each);
  }
  const auto found =
      patient_chains_.find({options.chain_position.id, target.name});
  if (found == patient_chains_.end()) return false;
  found->second.lock()->calls.push_back(call);
  return true;
}

void CallDispatcher::StartWhenReady(const std::shared_ptr<Patient>& patient) {
  directory_->WhenReady(
      patient->target.hops,
      FollowConnect(patient->target, RemainingOf(patient->options)),
      [this, patient](const Status& status, ContextDirectory::Entry* entry) {
        // Calls that are over have no dispatcher to go back to, maybe.
        if (!patient->AnyLeft()) return;
        if (status.code() == Code::kUnavailable) {
          return TryAgain(patient, status);
        }
        patient_chains_.erase(
            {patient->options.chain_position.id, patient->target.name});
        for (const auto& weak : patient->calls) {
          const std::shared_ptr<OutgoingCall> call = weak.lock();
          if (call == nullptr || call->over()) continue;
          if (!status.ok()) {
            call->Cancel(status);
          } else if (Deliver(call.get(), entry)) {
            call->Start(entry->id);
          }
        }
      });
}

void CallDispatcher::TryAgain(const std::shared_ptr<Patient>& patient,
                              const Status& status) {
  for (const auto& weak : patient->calls) {
    const std::shared_ptr<OutgoingCall> call = weak.lock();
    if (call == nullptr) continue;
    call->set_limit_status(core::Error(
        Code::kDeadlineExceeded,
        {"call failed: ", call->method(), " in ", patient->target.name,
         " (phase connect): not ready in time; last: ", status.message()}));
  }
  context_->loop()->RunAfter(
      absl::ToInt64Microseconds(patient->back_off.Next()), [this, patient] {
        if (patient->AnyLeft()) StartWhenReady(patient);
      });
}

bool CallDispatcher::Deliver(OutgoingCall* call,
                             ContextDirectory::Entry* entry) {
  core::MethodName name;
  core::ParseMethodName(call->method(), &name);
  // Now: the set or the policy may have changed while it was connected.
  const absl::StatusOr<ModuleRepository::BundlePtr> bundle =
      modules_->FindMethod(call->method(), entry->name);
  const absl::Status sent =
      bundle.ok() ? delivery_.Ensure(**bundle, name.service, entry)
                  : bundle.status();
  if (!sent.ok()) call->Cancel(stub::ToCoreStatus(sent));
  return sent.ok();
}

void CallDispatcher::OnModulesChanged() {
  for (ContextDirectory::Entry* const entry : directory_->ListLinked()) {
    std::vector<std::string> gone;
    for (const auto& [service, digest] : entry->delivered) {
      const auto found = modules_->FindFor(service, entry->name);
      // The version there may be refused where the latest is not.
      if (!found.ok() ||
          !modules_->CheckPolicy((*found)->name(), digest, entry->name).ok()) {
        gone.push_back(service);
      }
    }
    delivery_.Withdraw(gone, entry);
  }
  delivery_.OnModulesChanged();
}

void CallDispatcher::EndAll(const Status& why) {
  while (!calls_.empty()) {
    const std::shared_ptr<OutgoingCall> call = calls_.begin()->second.lock();
    calls_.erase(calls_.begin());
    if (call != nullptr) call->Cancel(why);
  }
}

}  // namespace ramet::server
