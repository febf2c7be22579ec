#include "stub/client_interceptor.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "stub/unary_over_call.h"

namespace ramet::stub {
namespace {

// Whom to tell when a call is over.
class Watchers {
 public:
  explicit Watchers(std::vector<StartingCall::OverCallback> callbacks)
      : callbacks_(std::move(callbacks)) {
    // Nobody looks at the clock for nothing.
    if (!callbacks_.empty()) start_ = absl::Now();
  }

  bool empty() const { return callbacks_.empty(); }
  // The last one first, as calls return.
  void Tell(const absl::Status& status) const {
    if (callbacks_.empty()) return;
    const absl::Duration duration = absl::Now() - start_;
    for (auto over = callbacks_.rbegin(); over != callbacks_.rend(); ++over) {
      (*over)(status, duration);
    }
  }

 private:
  const std::vector<StartingCall::OverCallback> callbacks_;
  absl::Time start_;
};

// Passes on everything, and sees the end.
class WatchingListener final : public RawCallListener {
 public:
  WatchingListener(std::shared_ptr<RawCallListener> listener, Watchers watchers)
      : listener_(std::move(listener)), watchers_(std::move(watchers)) {}

  void OnCompression(Compression compression) override {
    listener_->OnCompression(compression);
  }
  void OnInitialMetadata(MetadataPairs metadata) override {
    listener_->OnInitialMetadata(std::move(metadata));
  }
  void OnMessage(std::string message) override {
    listener_->OnMessage(std::move(message));
  }
  bool OnCompressedMessage(std::string* message) override {
    return listener_->OnCompressedMessage(message);
  }
  void OnBatchEnd() override { listener_->OnBatchEnd(); }
  void OnSendRoom() override { listener_->OnSendRoom(); }
  void OnEnd(CallEnd end) override {
    watchers_.Tell(end.status);
    listener_->OnEnd(std::move(end));
  }

 private:
  const std::shared_ptr<RawCallListener> listener_;
  const Watchers watchers_;
};

// A call that an interceptor has refused.
class RefusedCall final : public RawCall {
 public:
  void Send(std::string) override {}
  void CloseSend() override {}
  bool HasSendRoom() const override { return true; }
  void Consumed(size_t) override {}
  void Cancel() override {}
};

class InterceptedChannel final : public Channel {
 public:
  InterceptedChannel(std::shared_ptr<Channel> channel,
                     ClientInterceptors interceptors)
      : channel_(std::move(channel)), interceptors_(std::move(interceptors)) {}

  void StartUnary(std::string method, std::string request,
                  const CallOptions& options, DoneCallback done) override {
    CallOptions changed = options;
    StartingCall starting(method, &changed);
    const absl::Status status = Start(&starting);
    Watchers watchers(starting.TakeOver());
    if (!watchers.empty()) {
      done = [watchers = std::move(watchers),
              done = std::move(done)](absl::StatusOr<std::string> reply) {
        watchers.Tell(reply.status());
        done(std::move(reply));
      };
    }
    if (!status.ok()) return done(status);
    // Simple calls only may go the cheapest way; client_call.cc knows those of
    // the caller.
    if (changed.reply_metadata != nullptr ||
        changed.compression != Compression::kNone) {
      return StartUnaryOverCall(channel_.get(), std::move(method),
                                std::move(request), changed, std::move(done));
    }
    channel_->StartUnary(std::move(method), std::move(request), changed,
                         std::move(done));
  }

  std::shared_ptr<RawCall> StartCall(
      std::string method, const CallOptions& options,
      std::shared_ptr<RawCallListener> listener) override {
    CallOptions changed = options;
    StartingCall starting(method, &changed);
    const absl::Status status = Start(&starting);
    Watchers watchers(starting.TakeOver());
    if (!watchers.empty()) {
      listener = std::make_shared<WatchingListener>(std::move(listener),
                                                    std::move(watchers));
    }
    if (status.ok()) {
      return channel_->StartCall(std::move(method), changed,
                                 std::move(listener));
    }
    listener->OnEnd({status, {}});
    return std::make_shared<RefusedCall>();
  }

  bool keeps_order() const override { return channel_->keeps_order(); }

 private:
  absl::Status Start(StartingCall* call) const {
    for (const std::shared_ptr<ClientInterceptor>& each : interceptors_) {
      absl::Status status = each->OnStart(call);
      if (!status.ok()) return status;
    }
    return CheckMetadata(call->options().metadata);
  }

  const std::shared_ptr<Channel> channel_;
  const ClientInterceptors interceptors_;
};

class MetadataAdder final : public ClientInterceptor {
 public:
  explicit MetadataAdder(MetadataPairs pairs) : pairs_(std::move(pairs)) {}

  absl::Status OnStart(StartingCall* call) override {
    MetadataPairs& metadata = call->options().metadata;
    const size_t own = metadata.size();
    for (const auto& pair : pairs_) {
      const auto end = metadata.begin() + own;
      const bool has = std::any_of(
          metadata.begin(), end,
          [&](const auto& other) { return other.first == pair.first; });
      if (!has) metadata.push_back(pair);
    }
    return absl::OkStatus();
  }

 private:
  const MetadataPairs pairs_;
};

}  // namespace

Context Intercepted(const Context& context, ClientInterceptors interceptors) {
  if (context.channel() == nullptr || interceptors.empty()) return context;
  return Context(std::make_shared<InterceptedChannel>(context.shared_channel(),
                                                      std::move(interceptors)),
                 context.name());
}

std::shared_ptr<ClientInterceptor> AddMetadata(MetadataPairs pairs) {
  return std::make_shared<MetadataAdder>(std::move(pairs));
}

}  // namespace ramet::stub
