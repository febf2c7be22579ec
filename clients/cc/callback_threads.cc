#include "clients/cc/callback_threads.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <new>

namespace ramet::clients {
namespace {

// A channel to nowhere, with one call, which fails at once: the first one is
// what makes a channel a user of the queue.
class User {
 public:
  User() : stub_(grpc::CreateChannel("", nullptr)) {
    stub_.UnaryCall(&context_, "/", grpc::StubOptions(), &request_, &reply_,
                    [](const grpc::Status&) {});
  }

 private:
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  const grpc::Slice nothing_{""};
  const grpc::ByteBuffer request_{&nothing_, 1};
  grpc::ByteBuffer reply_;
};

}  // namespace

void KeepCallbackThreads() {
  // Never destroyed, and in a place of its own, so that it is no leak.
  alignas(User) static char place[sizeof(User)];
  static const User* const kept = new (place) User;
  static_cast<void>(kept);
}

}  // namespace ramet::clients
