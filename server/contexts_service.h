#ifndef SERVER_CONTEXTS_SERVICE_H_
#define SERVER_CONTEXTS_SERVICE_H_

#include <utility>

#include "ramet/v1/contexts.grpc.pb.h"
#include "server/master.h"

namespace ramet::server {

// ramet.v1.Contexts over a Master. Blocking methods: gRPC's pool of threads
// serves them, because connects are few and long.
class ContextsService final : public v1::Contexts::Service {
 public:
  // `master` outlives it.
  ContextsService(Master* master, ConnectOptions connect)
      : master_(master), connect_(std::move(connect)) {}

  grpc::Status Connect(grpc::ServerContext* context,
                       const v1::ConnectRequest* request,
                       v1::ContextInfo* reply) override;
  grpc::Status List(grpc::ServerContext* context,
                    const v1::ListRequest* request,
                    v1::ListReply* reply) override;
  grpc::Status Detach(grpc::ServerContext* context,
                      const v1::DetachRequest* request,
                      v1::ContextInfo* reply) override;
  grpc::Status Disconnect(grpc::ServerContext* context,
                          const v1::DisconnectRequest* request,
                          v1::DisconnectReply* reply) override;
  grpc::Status Links(grpc::ServerContext* context,
                     const v1::LinksRequest* request,
                     v1::LinksReply* reply) override;

 private:
  Master* const master_;
  const ConnectOptions connect_;
};

// ramet.v1.Modules over a Master's repository.
class ModulesService final : public v1::Modules::Service {
 public:
  explicit ModulesService(Master* master) : master_(master) {}

  grpc::Status Describe(grpc::ServerContext* context,
                        const v1::DescribeRequest* request,
                        v1::DescribeReply* reply) override;

 private:
  Master* const master_;
};

}  // namespace ramet::server

#endif  // SERVER_CONTEXTS_SERVICE_H_
