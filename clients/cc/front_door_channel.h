#ifndef CLIENTS_CC_FRONT_DOOR_CHANNEL_H_
#define CLIENTS_CC_FRONT_DOOR_CHANNEL_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "stub/channel.h"
#include "stub/context.h"

namespace ramet::clients {

// The way from typed stubs to one context through the front door of a running
// `ramet serve`:
//
//   auto door = ConnectFrontDoor("unix:/run/ramet.sock");
//   demo::v1::GreeterStub greeter(FrontDoorContext(door, "ssh:web1"));
//
// Threads: any; callbacks come on gRPC's. Errors: gRPC's for the way to the
// door, else as of stub::Channel.
class FrontDoorChannel final : public stub::Channel {
 public:
  // `target` as in metadata ramet-target: "master" for what the master serves.
  FrontDoorChannel(std::shared_ptr<grpc::Channel> door, std::string target)
      : door_(std::move(door)), target_(std::move(target)) {}

  void StartUnary(std::string method, std::string request,
                  const stub::CallOptions& options, DoneCallback done) override;
  std::shared_ptr<stub::RawCall> StartCall(
      std::string method, const stub::CallOptions& options,
      std::shared_ptr<stub::RawCallListener> listener) override;
  // The door puts the calls of a chain in order again.
  bool keeps_order() const override { return true; }

 private:
  const std::shared_ptr<grpc::Channel> door_;
  const std::string target_;
};

// A gRPC channel to `address` ("unix:PATH", or "HOST:PORT" with the credentials
// of mutual TLS) that takes error texts and messages as long as ramet makes
// them.
std::shared_ptr<grpc::Channel> ConnectFrontDoor(
    const std::string& address,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials =
        grpc::InsecureChannelCredentials());

// A context behind the door, by the name of its target.
stub::Context FrontDoorContext(std::shared_ptr<grpc::Channel> door,
                               const std::string& target);

}  // namespace ramet::clients

#endif  // CLIENTS_CC_FRONT_DOOR_CHANNEL_H_
