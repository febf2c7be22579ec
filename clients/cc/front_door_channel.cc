#include "clients/cc/front_door_channel.h"

#include <utility>

#include "clients/cc/front_door_call.h"

namespace ramet::clients {
namespace {

// An error text of 1 MiB, percent-encoded at worst.
constexpr int kMaxMetadataBytes = 4 * 1024 * 1024;

// Waits for the one reply of a unary call.
class UnaryListener final : public stub::RawCallListener {
 public:
  UnaryListener(std::string method, stub::Channel::DoneCallback done)
      : method_(std::move(method)), done_(std::move(done)) {}

  void OnMessage(std::string message) override {
    ++messages_;
    reply_ = std::move(message);
  }
  void OnEnd(stub::CallEnd end) override {
    if (!end.status.ok()) return done_(std::move(end.status));
    if (messages_ == 1) return done_(std::move(reply_));
    done_(absl::InternalError(
        "reply to " + method_ +
        (messages_ == 0 ? ": no message" : ": several messages")));
  }

 private:
  const std::string method_;
  const stub::Channel::DoneCallback done_;
  std::string reply_;
  int messages_ = 0;
};

}  // namespace

std::shared_ptr<grpc::Channel> ConnectFrontDoor(
    const std::string& address,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

stub::Context FrontDoorContext(std::shared_ptr<grpc::Channel> door,
                               const std::string& target) {
  return stub::Context(
      std::make_shared<FrontDoorChannel>(std::move(door), target), target);
}

void FrontDoorChannel::StartUnary(std::string method, std::string request,
                                  const stub::CallOptions& options,
                                  DoneCallback done) {
  auto listener = std::make_shared<UnaryListener>(method, std::move(done));
  StartCall(std::move(method), options, std::move(listener))
      ->SendLast(std::move(request));
}

std::shared_ptr<stub::RawCall> FrontDoorChannel::StartCall(
    std::string method, const stub::CallOptions& options,
    std::shared_ptr<stub::RawCallListener> listener) {
  auto call = std::make_shared<FrontDoorCall>(door_, std::move(listener));
  call->Start(target_, method, options);
  return call;
}

}  // namespace ramet::clients
