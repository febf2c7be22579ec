#include "server/front_door.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include <chrono>
#include <utility>

#include "server/contexts_service.h"
#include "server/proxy_service.h"
#include "server/unix_listener.h"

namespace ramet::server {
namespace {

// Calls that run when the door closes have this long to end by themselves.
constexpr std::chrono::seconds kShutdownGrace(5);

}  // namespace

class FrontDoor::Impl {
 public:
  Impl(Master* master, const ConnectOptions& connect)
      : contexts_(master, connect), modules_(master) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&contexts_);
    builder.RegisterService(&modules_);
    proxy_ = std::make_unique<ProxyService>(master, connect, &builder);
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.SetMaxSendMessageSize(-1);
    server_ = builder.BuildAndStart();
    proxy_->Start();
  }

  ~Impl() {
    listener_.reset();
    server_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
    server_->Wait();
    proxy_.reset();
  }

  absl::Status Listen(const std::string& address) {
    auto listener =
        UnixListener::Listen(address, [this](core::UniqueFd connection) {
          grpc::AddInsecureChannelFromFd(server_.get(), connection.Release());
        });
    if (!listener.ok()) return listener.status();
    listener_ = *std::move(listener);
    return absl::OkStatus();
  }

 private:
  ContextsService contexts_;
  ModulesService modules_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ProxyService> proxy_;
  std::unique_ptr<UnixListener> listener_;
};

FrontDoor::FrontDoor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FrontDoor::~FrontDoor() = default;

absl::StatusOr<std::unique_ptr<FrontDoor>> FrontDoor::Listen(
    Master* master, const ConnectOptions& connect, const std::string& address) {
  auto impl = std::make_unique<Impl>(master, connect);
  const absl::Status status = impl->Listen(address);
  if (!status.ok()) return status;
  return std::unique_ptr<FrontDoor>(new FrontDoor(std::move(impl)));
}

}  // namespace ramet::server
