#include "stub/unary_over_call.h"

#include <memory>
#include <optional>
#include <utility>

namespace ramet::stub {
namespace {

class UnaryListener final : public RawCallListener {
 public:
  UnaryListener(std::shared_ptr<ReplyMetadata> metadata,
                Channel::DoneCallback done)
      : metadata_(std::move(metadata)), done_(std::move(done)) {}

  void OnInitialMetadata(MetadataPairs metadata) override {
    if (metadata_ != nullptr) metadata_->initial = std::move(metadata);
  }
  // Not Consumed(): there is one, and a second is an error.
  void OnMessage(std::string message) override {
    if (reply_.has_value()) {
      more_ = true;
    } else {
      reply_ = std::move(message);
    }
  }
  void OnEnd(CallEnd end) override {
    if (metadata_ != nullptr) {
      metadata_->trailing = std::move(end.trailing_metadata);
    }
    if (!end.status.ok()) return done_(std::move(end.status));
    if (!reply_.has_value() || more_) {
      return done_(absl::InternalError(
          more_ ? "the callee sent more than one reply to a unary call"
                : "the callee sent OK and no reply"));
    }
    done_(*std::move(reply_));
  }

 private:
  const std::shared_ptr<ReplyMetadata> metadata_;
  const Channel::DoneCallback done_;
  std::optional<std::string> reply_;
  bool more_ = false;
};

}  // namespace

std::shared_ptr<RawCallListener> MakeUnaryListener(
    std::shared_ptr<ReplyMetadata> metadata, Channel::DoneCallback done) {
  return std::make_shared<UnaryListener>(std::move(metadata), std::move(done));
}

void StartUnaryOverCall(Channel* channel, std::string method,
                        std::string request, const CallOptions& options,
                        Channel::DoneCallback done) {
  const std::shared_ptr<RawCall> call = channel->StartCall(
      std::move(method), options,
      MakeUnaryListener(options.reply_metadata, std::move(done)));
  if (call == nullptr) return;
  call->SendLast(std::move(request));
}

}  // namespace ramet::stub
