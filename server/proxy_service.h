#ifndef SERVER_PROXY_SERVICE_H_
#define SERVER_PROXY_SERVICE_H_

#include <grpcpp/generic/async_generic_service.h>

#include "server/master.h"

namespace ramet::server {

// Forwards every method that no other service of the front door has, as bytes,
// to the context of metadata `ramet-target`. Unary calls.
//
// Passed on: the remaining deadline, cancellation, metadata (but what is
// gRPC's or ramet's own), the status with its details, trailing metadata.
class ProxyService final : public grpc::CallbackGenericService {
 public:
  // `master` outlives it.
  ProxyService(Master* master, ConnectOptions connect)
      : master_(master), connect_(std::move(connect)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  class Call;

  Master* const master_;
  const ConnectOptions connect_;
};

}  // namespace ramet::server

#endif  // SERVER_PROXY_SERVICE_H_
